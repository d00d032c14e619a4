"""Settings for the servers of :mod:`tests.secured`, and the page that tells them to operators."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Final, Literal

import msgspec

from monitor.config import KafkaConfig, RedisConfig
from tests.secured import USER, Certificates, SecuredRedis

PAGE: Final = Path("docs") / "secured.md"
Client = Literal["kafka-python", "confluent"]


def acl_rules() -> list[str]:
    """The rules on the page, without the user's name and password."""
    (block,) = re.findall(r"```\nuser keywatch (.*?)```", PAGE.read_text(), re.DOTALL)
    return [rule for rule in block.split() if rule != "on" and not rule.startswith((">", "#"))]


def redis_config(
    store: SecuredRedis, certificates: Certificates, password: Path, **other: str
) -> RedisConfig:
    files = {
        "ca_file": str(certificates.authority),
        "cert_file": str(certificates.client),
        "key_file": str(certificates.client_key),
    }
    config = RedisConfig(url=store.url, password_file=str(password))
    return msgspec.structs.replace(config, **(files | other))


def kafka_config(
    bootstrap: str,
    topic: str,
    client: Client,
    certificates: Certificates,
    password: Path | None,
    **other: str,
) -> KafkaConfig:
    security = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": USER,
        "ssl_cafile": str(certificates.authority),
        "ssl_certfile": str(certificates.client),
        "ssl_keyfile": str(certificates.client_key),
    }
    return KafkaConfig(
        bootstrap=bootstrap,
        topic=topic,
        client=client,
        group=uuid.uuid4().hex,
        security=security | other,
        password_file=str(password or ""),
    )
