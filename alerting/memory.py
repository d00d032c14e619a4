"""What the alert pipeline remembers between findings and restarts: messages sent, suspensions made."""

from __future__ import annotations

from typing import Any, Protocol

SENT_KEPT_S = 7 * 86_400


class AlertMemory(Protocol):
    """Survives restarts in Redis; the in-memory one is for replay and tests."""

    def last_sent(self, key_id: str) -> tuple[int, int] | None:
        """(action rank, epoch ms) of the last message about a key."""

    def sent(self, key_id: str, rank: int, now_ms: int) -> None:
        """Record a message after it was sent."""

    def suspensions_since(self, ms: int, except_case: str) -> int:
        """Suspensions made at or after ``ms`` for other cases."""

    def suspended(self, case_id: str, now_ms: int) -> None:
        """Record a suspension; again for the same case changes nothing."""


class MemoryAlertMemory:
    """Gone with the process."""

    def __init__(self) -> None:
        self._sent: dict[str, tuple[int, int]] = {}
        self._suspended: dict[str, int] = {}

    def last_sent(self, key_id: str) -> tuple[int, int] | None:
        return self._sent.get(key_id)

    def sent(self, key_id: str, rank: int, now_ms: int) -> None:
        self._sent[key_id] = (rank, now_ms)

    def suspensions_since(self, ms: int, except_case: str) -> int:
        return sum(at >= ms and case != except_case for case, at in self._suspended.items())

    def suspended(self, case_id: str, now_ms: int) -> None:
        self._suspended.setdefault(case_id, now_ms)


class RedisAlertMemory:
    """Shared by all replicas; one hash slot."""

    def __init__(self, client: Any) -> None:
        self._redis = client
        self._suspended = "kw:{alerts}:suspended"

    def _sent_key(self, key_id: str) -> str:
        return f"kw:{{alerts}}:sent:{key_id.encode().hex()}"

    def last_sent(self, key_id: str) -> tuple[int, int] | None:
        raw: bytes | None = self._redis.get(self._sent_key(key_id))
        if raw is None:
            return None
        rank, _, at = raw.decode().partition(" ")
        return int(rank), int(at)

    def sent(self, key_id: str, rank: int, now_ms: int) -> None:
        self._redis.set(self._sent_key(key_id), f"{rank} {now_ms}", ex=SENT_KEPT_S)

    def suspensions_since(self, ms: int, except_case: str) -> int:
        made: list[bytes] = self._redis.zrangebyscore(self._suspended, ms, "+inf")
        return sum(case != except_case.encode() for case in made)

    def suspended(self, case_id: str, now_ms: int) -> None:
        self._redis.zadd(self._suspended, {case_id: now_ms}, nx=True)
        self._redis.zremrangebyscore(self._suspended, "-inf", now_ms - 86_400_000)
