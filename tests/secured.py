"""Apache Kafka with TLS and logins, Redis with TLS and an ACL user: certificates are made on the spot."""

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
from tests.token_server import AUDIENCE, ISSUER, TokenServer, token_server

USER: Final = "keywatch"
PASSWORD: Final = "a-password-no-log-may-show"
_AUTH: Final = "org.apache.kafka.common.security"
_SECURED: Final = f"""
listeners=PLAINTEXT://127.0.0.1:{{{{port}}}},CONTROLLER://127.0.0.1:{{{{controller}}}},\
SECURED://127.0.0.1:{{secured}},MTLS://127.0.0.1:{{mtls}}
advertised.listeners=PLAINTEXT://127.0.0.1:{{{{port}}}},SECURED://127.0.0.1:{{secured}},MTLS://127.0.0.1:{{mtls}}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL,MTLS:SSL
listener.name.secured.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER
listener.name.secured.scram-sha-512.sasl.jaas.config={_AUTH}.scram.ScramLoginModule required;
listener.name.secured.plain.sasl.jaas.config={_AUTH}.plain.PlainLoginModule required \
user_{USER}="{PASSWORD}";
listener.name.secured.oauthbearer.sasl.jaas.config={_AUTH}.oauthbearer.OAuthBearerLoginModule required;
listener.name.secured.oauthbearer.sasl.server.callback.handler.class=\
{_AUTH}.oauthbearer.OAuthBearerValidatorCallbackHandler
sasl.oauthbearer.jwks.endpoint.url={{jwks}}
sasl.oauthbearer.expected.audience={AUDIENCE}
sasl.oauthbearer.expected.issuer={ISSUER}
sasl.oauthbearer.jwt.validator.class={_AUTH}.oauthbearer.BrokerJwtValidator
listener.name.secured.oauthbearer.connections.max.reauth.ms=3600000
ssl.keystore.type=PEM
ssl.keystore.location={{server}}
ssl.truststore.type=PEM
ssl.truststore.location={{authority}}
listener.name.secured.ssl.client.auth=required
listener.name.mtls.ssl.client.auth=required
"""
"""A login lasts as long as its token: the broker drops a connection that shows no new one by then."""


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, and what it signed. ``server_both``: key and certificate in one."""

    authority: Path
    server: Path
    server_key: Path
    server_both: Path
    client: Path
    client_key: Path
    expired: Path
    expired_key: Path


def certificates(directory: Path) -> Certificates:
    """An authority of our own, a server called 127.0.0.1 and a client, good for an hour."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("test authority")
    root = _unsigned(name, name, key).add_extension(x509.BasicConstraints(True, None), critical=True)
    authority = directory / "ca.pem"
    authority.write_bytes(root.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made = {who: _signed(directory, who, name, key) for who in ("server", "client", "expired")}
    both = directory / "server-both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in reversed(made["server"])))
    return Certificates(authority, *made["server"], both, *made["client"], *made["expired"])


def _signed(
    directory: Path, who: str, issuer: x509.Name, signer: ec.EllipticCurvePrivateKey
) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = _unsigned(_name(who), issuer, key, hours=0 if who == "expired" else 1).add_extension(
        x509.SubjectAlternativeName([address]), False
    )
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
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, hours: int = 1
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - hour).not_valid_after(now + hours * hour)


@dataclass(frozen=True)
class SecuredKafka:
    """``plain`` is for making topics; ``bootstrap`` asks for TLS, a certificate and a login, ``mtls`` for the
    certificate alone. ``tokens`` gives those that the broker believes."""

    plain: Kafka
    bootstrap: str
    mtls: str
    tokens: TokenServer


@contextmanager
def secured_kafka(directory: Path, files: Certificates) -> Iterator[SecuredKafka]:
    """Apache Kafka with two more listeners, SASL_SSL and SSL, and who gives tokens for it."""
    secured, mtls = free_port(), free_port()
    user = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    with token_server() as tokens:
        jwks = f"{tokens.url}/jwks"
        more = _SECURED.format(
            secured=secured, mtls=mtls, server=files.server_both, authority=files.authority, jwks=jwks
        )
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={jwks}"
        with kafka_server(directory, more, [user], [allowed]) as plain:
            yield SecuredKafka(plain, f"127.0.0.1:{secured}", f"127.0.0.1:{mtls}", tokens)


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
