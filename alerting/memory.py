"""What the alert pipeline remembers between findings and restarts: suspensions made, marks that inhibit."""

from __future__ import annotations

from typing import Any, Protocol

from domain.redis_errors import redis_errors

DAY_MS = 86_400_000


class AlertMemory(Protocol):
    """Survives restarts in Redis; the in-memory one is for replay and tests. Times are epoch ms."""

    def suspensions_since(self, ms: int, except_case: str) -> int:
        """Suspensions made at or after ``ms`` for other cases."""

    def suspended(self, case_id: str, now_ms: int) -> None:
        """Record a suspension; again for the same case changes nothing."""

    def mark(self, name: str, now_ms: int, until_ms: int) -> None:
        """Remember ``name`` until then."""

    def marked(self, name: str, now_ms: int) -> bool:
        """Whether ``name`` is remembered."""


class MemoryAlertMemory:
    """Gone with the process."""

    def __init__(self) -> None:
        self._suspended: dict[str, int] = {}
        self._marks: dict[str, int] = {}

    def suspensions_since(self, ms: int, except_case: str) -> int:
        return sum(at >= ms and case != except_case for case, at in self._suspended.items())

    def suspended(self, case_id: str, now_ms: int) -> None:
        self._suspended.setdefault(case_id, now_ms)

    def mark(self, name: str, now_ms: int, until_ms: int) -> None:
        self._marks[name] = max(now_ms, until_ms)

    def marked(self, name: str, now_ms: int) -> bool:
        return self._marks.get(name, 0) > now_ms


class RedisAlertMemory:
    """Shared by all replicas; one hash slot."""

    def __init__(self, client: Any) -> None:
        self._redis = client
        self._suspended = "kw:{alerts}:suspended"

    @redis_errors("alert memory")
    def suspensions_since(self, ms: int, except_case: str) -> int:
        made: list[bytes] = self._redis.zrangebyscore(self._suspended, ms, "+inf")
        return sum(case != except_case.encode() for case in made)

    @redis_errors("alert memory")
    def suspended(self, case_id: str, now_ms: int) -> None:
        self._redis.zadd(self._suspended, {case_id: now_ms}, nx=True)
        self._redis.zremrangebyscore(self._suspended, "-inf", now_ms - DAY_MS)

    @redis_errors("alert memory")
    def mark(self, name: str, now_ms: int, until_ms: int) -> None:
        self._redis.set(_mark(name), until_ms, px=until_ms - now_ms + DAY_MS)

    @redis_errors("alert memory")
    def marked(self, name: str, now_ms: int) -> bool:
        return int(self._redis.get(_mark(name)) or 0) > now_ms


def _mark(name: str) -> str:
    return f"kw:{{alerts}}:mark:{name.encode().hex()}"
