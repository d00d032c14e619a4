"""Who did what to which key and why: append only."""

from __future__ import annotations

from typing import Any

import redis.exceptions

from domain.clock import Clock
from domain.errors import Reason, Transient


class RedisAudit:
    """A Redis Stream. A failed write raises, and the act that was to be audited does not happen."""

    STREAM = "kw:audit"

    def __init__(self, client: Any, clock: Clock) -> None:
        self._redis = client
        self._clock = clock

    def write(self, *, who: str, what: str, key_id: str, case_id: str, why: str) -> None:
        line = {"who": who, "what": what, "key_id": key_id, "case_id": case_id, "why": why}
        try:
            self._redis.xadd(self.STREAM, {**line, "ts_ms": int(self._clock.now() * 1000)})
        except redis.exceptions.RedisError as error:
            raise Transient(Reason.UNREACHABLE, f"the audit line could not be written: {error}") from error


class MemoryAudit:
    """Lines in a list."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []

    def write(self, *, who: str, what: str, key_id: str, case_id: str, why: str) -> None:
        self.lines.append({"who": who, "what": what, "key_id": key_id, "case_id": case_id, "why": why})
