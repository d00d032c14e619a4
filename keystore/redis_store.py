"""The key store on Redis, Valkey or Redis Cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from domain.clock import Clock
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.record import HistoryEntry
from keystore.redis_admission import RedisAdmission
from keystore.redis_calls import Client
from keystore.redis_keys import SHARDS
from keystore.results import DueExpiry
from keystore.scripts import SCHEDULE

__all__ = ["Client", "RedisKeyStore"]

_NUL: Final = b"\0"


class RedisKeyStore(RedisAdmission, BaseKeyStore):
    """Keys in Redis. Calls block for one to four round trips; safe to share between threads.

    A verification, and every change of state, is one script on the key's own slot, so that two writers
    never interleave. All writes but those of :meth:`verify` are idempotent, as redis-py sends a call
    again when its reply was lost.

    Parameters
    ----------
    redis
        With ``decode_responses=False``.
    clock
        Decides what is expired. Hosts that share a store should agree within a second.
    peppers
        None is a store that suspends keys but can neither issue nor verify them.
    namespace
        First part of every Redis key, see :class:`keystore.redis_keys.KeyNames`.
    """

    def __init__(self, redis: Client, clock: Clock, peppers: Peppers | None, namespace: str = "kw") -> None:
        super().__init__(redis, clock, peppers, namespace)

    def due_expiries(self, now_ms: int, limit: int = 100) -> Sequence[DueExpiry]:
        due: list[list[tuple[bytes, float]]] = self._calls.batch(
            lambda pipe: [
                pipe.zrange(
                    self._names.due(shard), "-inf", now_ms, byscore=True, offset=0, num=limit, withscores=True
                )
                for shard in SHARDS
            ]
        )
        return sorted(_due(member, score) for shard in due for member, score in shard)[:limit]

    def history(self, key_id: str, limit: int = 50) -> Sequence[HistoryEntry]:
        record = self._load(key_id)
        name = self._names.history(key_id, record.cell)
        (found,) = self._calls.batch(lambda pipe: pipe.xrevrange(name, count=limit))
        return [_history_entry(fields) for _, fields in found]

    def _listed(self, cursor: str, limit: int) -> Sequence[str]:
        below = f"({cursor}" if cursor else "+"
        found: list[list[bytes]] = self._calls.batch(
            lambda pipe: [
                pipe.zrange(
                    self._names.listing(shard), below, "-", desc=True, bylex=True, offset=0, num=limit
                )
                for shard in SHARDS
            ]
        )
        newest = sorted((member for shard in found for member in shard), reverse=True)
        return [member.decode() for member in newest[:limit]]

    def count(self) -> int:
        found: list[int] = self._calls.batch(
            lambda pipe: [pipe.zcard(self._names.listing(shard)) for shard in SHARDS]
        )
        return sum(found)

    def _schedule(self, due: DueExpiry, *, postpone: bool = False) -> None:
        key = self._names.due(self._names.shard(due.key_id))
        member = _member(due.key_id, due.case_id)
        self._calls.script(SCHEDULE, [key], ["XX" if postpone else "LT", due.due_ms, member])

    def _unschedule(self, key_id: str, case_id: str) -> None:
        name = self._names.due(self._names.shard(key_id))
        self._calls.batch(lambda pipe: pipe.zrem(name, _member(key_id, case_id)))


def _member(key_id: str, case_id: str) -> bytes:
    return key_id.encode() + _NUL + case_id.encode()


def _due(member: bytes, score: float) -> DueExpiry:
    key_id, _, case_id = member.partition(_NUL)
    return DueExpiry(int(score), key_id.decode(), case_id.decode())


def _history_entry(fields: Mapping[bytes, bytes]) -> HistoryEntry:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    at_ms = int(text.pop("at_ms"))
    return HistoryEntry(at_ms=at_ms, **text)
