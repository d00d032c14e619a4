"""Apache Kafka with TLS and SCRAM, and Redis with TLS and an ACL user: certificates are made on the spot."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitor.embedded import free_port
from tests.servers import Kafka, kafka_server, redis_server

USER: Final = "keywatch"
PASSWORD: Final = "a-password-no-log-may-show"
_SECURED: Final = """
listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},SECURED://127.0.0.1:{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location={server}
listener.name.secured.ssl.truststore.type=PEM
listener.name.secured.ssl.truststore.location={authority}
listener.name.secured.ssl.client.auth=required
"""


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, and what it signed. ``server_both``: key and certificate in one."""

    authority: Path
    server: Path
    server_key: Path
    server_both: Path
    client: Path
    client_key: Path


def certificates(directory: Path) -> Certificates:
    """An authority of our own, a server called 127.0.0.1 and a client, good for an hour."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("test authority")
    root = _unsigned(name, name, key).add_extension(x509.BasicConstraints(True, None), critical=True)
    authority = directory / "ca.pem"
    authority.write_bytes(root.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made = {who: _signed(directory, who, name, key) for who in ("server", "client")}
    both = directory / "server-both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in reversed(made["server"])))
    return Certificates(authority, *made["server"], both, *made["client"])


def _signed(
    directory: Path, who: str, issuer: x509.Name, signer: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = _unsigned(_name(who), issuer, key).add_extension(x509.SubjectAlternativeName([address]), False)
    certificate, private = directory / f"{who}.pem", directory / f"{who}.key"
    certificate.write_bytes(made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - hour).not_valid_after(now + hour)


@dataclass(frozen=True)
class SecuredKafka:
    """``plain`` is for making topics; ``bootstrap`` asks for TLS, a certificate and SCRAM."""

    plain: Kafka
    bootstrap: str


@contextmanager
def secured_kafka(directory: Path, files: Certificates) -> Iterator[SecuredKafka]:
    """Apache Kafka whose one more listener is SASL_SSL."""
    port = free_port()
    more = _SECURED.format(secured=port, server=files.server_both, authority=files.authority)
    user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    with kafka_server(directory, more, [user]) as plain:
        yield SecuredKafka(plain, f"127.0.0.1:{port}")


@dataclass(frozen=True)
class SecuredRedis:
    """``plain`` is for looking on as administrator; ``url`` asks for TLS, a certificate and a password."""

    plain: str
    url: str


@contextmanager
def secured_redis(directory: Path, files: Certificates, rules: list[str]) -> Iterator[SecuredRedis]:
    """Redis with one more port for TLS, and a user with these ACL rules."""
    port = free_port()
    options = ["--tls-port", str(port), "--tls-auth-clients", "yes"]
    options += ["--tls-cert-file", str(files.server), "--tls-key-file", str(files.server_key)]
    options += ["--tls-ca-cert-file", str(files.authority)]
    with redis_server(directory, *options) as plain:
        with redis.Redis.from_url(plain) as admin:
            admin.execute_command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", *rules)
        yield SecuredRedis(plain, f"rediss://{USER}@127.0.0.1:{port}/0")
