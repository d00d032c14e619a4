"""How to reach the topic, the same for both Kafka clients, and what their failures mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.errors import Fatal, Reason, Transient
from domain.secret import Secret
from monitor.source.tokens import Tokens

POLL_RECORDS: Final = 20_000
"""Records a poll at most: large enough that the cost of a batch is shared by many events."""
FETCH_WAIT_MS: Final = 100
"""How long an idle fetch waits at the broker; a partition just sought waits for it."""
HEARTBEAT_MS: Final = 1_000
"""Also how soon a member learns that partitions are being shared out anew."""
FETCH_BYTES: Final = 32 << 20
PARTITION_FETCH_BYTES: Final = 8 << 20
"""Bounds of what a fetch may hold in memory, in all and for one partition."""

SECURITY_PREFIXES: Final = ("security_", "sasl_", "ssl_")


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """``group`` None reads all partitions without a group. Security names are those of kafka-python:
    ``security_protocol``, ``sasl_mechanism``, ``sasl_plain_username``, ``sasl_plain_password``,
    ``ssl_cafile``, ``ssl_certfile``, ``ssl_keyfile``, ``ssl_password``, ``ssl_check_hostname``.
    ``tokens``: for OAUTHBEARER.
    """

    bootstrap: str
    topic: str
    group: str | None = None
    instance_id: str = ""
    security: Mapping[str, str | Secret] = field(default_factory=dict)
    tokens: Tokens | None = None
    poll_records: int = POLL_RECORDS
    connect_timeout_s: float = 30.0
    session_timeout_s: float = 45.0
    metadata_max_age_s: float = 300.0
    """How long a new partition of the topic may stay unnoticed."""

    def revealed(self) -> dict[str, str]:
        """The security options in clear; call it only in the statement that connects."""
        for name in self.security:
            if not name.startswith(SECURITY_PREFIXES):
                raise Fatal(
                    Reason.CONFIG,
                    f"kafka.security.{name}: not a security option; names begin with "
                    f"{', '.join(SECURITY_PREFIXES)}",
                )
        return {k: v.reveal() if isinstance(v, Secret) else v for k, v in self.security.items()}


def unreachable(settings: KafkaSettings, detail: str) -> Fatal:
    """Nobody answered at start."""
    return Fatal(
        Reason.UNREACHABLE,
        f"kafka.bootstrap: no broker answers at {settings.bootstrap} ({detail}): is it running, and does "
        "kafka.security fit its listener?",
    )


def bad_security(settings: KafkaSettings, error: Exception) -> Fatal:
    """The client itself refused the options. Its words may hold a value, so only names are told."""
    names = ", ".join(settings.security) or "none"
    return Fatal(
        Reason.CONFIG, f"kafka.security: the client refused these options ({type(error).__name__}): {names}"
    )


def no_topic(settings: KafkaSettings) -> Fatal:
    """The broker answered and does not show the topic."""
    return Fatal(
        Reason.CONFIG,
        f"kafka.topic: {settings.topic!r} does not exist at {settings.bootstrap}, or this user may not "
        "read it: create it, or correct the name",
    )


def not_allowed(settings: KafkaSettings, detail: str) -> Fatal:
    """The broker knows us too little."""
    return Fatal(
        Reason.CREDENTIALS,
        f"kafka.security: {settings.bootstrap} refused us ({detail}): check the credentials, and that they "
        f"may read topic {settings.topic!r} and group {settings.group!r}",
    )


def fenced(settings: KafkaSettings) -> Fatal:
    """Another process has our name."""
    return Fatal(
        Reason.CONFIG,
        f"kafka.instance_id: another member of group {settings.group!r} is also called "
        f"{settings.instance_id!r}: give every replica its own",
    )


def interrupted(settings: KafkaSettings, detail: str) -> Transient:
    """The broker went away after the start."""
    return Transient(Reason.UNREACHABLE, f"kafka.bootstrap: {settings.bootstrap} does not answer ({detail})")
