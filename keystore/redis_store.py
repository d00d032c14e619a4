"""The key store on Redis, Valkey or Redis Cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.clock import Clock
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.record import HistoryEntry
from keystore.redis_admission import RedisAdmission
from keystore.redis_agenda import RedisAgenda
from keystore.redis_calls import Client
from keystore.redis_keys import SHARDS
from keystore.rules import StoreRules

__all__ = ["Client", "RedisKeyStore"]


class RedisKeyStore(RedisAdmission, RedisAgenda, BaseKeyStore):
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
    rules
        Which prefixes to issue, and whether keys were imported with their secrets.
    """

    def __init__(
        self,
        redis: Client,
        clock: Clock,
        peppers: Peppers | None,
        namespace: str = "kw",
        rules: StoreRules | None = None,
    ) -> None:
        super().__init__(redis, clock, peppers, namespace, rules or StoreRules())

    def history(self, key_id: str, limit: int = 50) -> Sequence[HistoryEntry]:
        record = self._load(key_id)
        name = self._names.history(key_id, record.cell)
        (found,) = self._calls.batch(lambda pipe: pipe.xrevrange(name, count=limit))
        told = [_history_entry(fields) for _, fields in found]
        return told if len(told) >= limit or not record.made_by else [*told, record.beginning()]

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


def _history_entry(fields: Mapping[bytes, bytes]) -> HistoryEntry:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    at_ms = int(text.pop("at_ms"))
    return HistoryEntry(at_ms=at_ms, **text)
