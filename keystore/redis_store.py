"""The key store on Redis, Valkey or Redis Cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis
from redis.cluster import RedisCluster

from domain.clock import Clock
from domain.errors import Fatal, Reason
from keystore.admission import Admission, Presented
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.listing import member_of
from keystore.record import HistoryEntry, KeyRecord, from_fields, to_fields
from keystore.redis_errors import redis_errors
from keystore.redis_keys import SHARDS, KeyNames
from keystore.results import DueExpiry, Usage, taken_key, unknown_key
from keystore.scripts import CREATE, HISTORY_MAX, SCHEDULE, TRANSITION
from keystore.transitions import Change, refusal

Client = redis.Redis | RedisCluster

BATCH: Final = 500
"""Keys a pipeline: some 600 kB on the wire, and no other client waits more than a few milliseconds."""

_NUL: Final = b"\0"


class RedisKeyStore(BaseKeyStore):
    """Keys in Redis. Calls block for one to three round trips; safe to share between threads.

    A change of state is one script on the key's own slot, so that two writers never interleave. All
    writes are idempotent, as redis-py sends a call again when its reply was lost. The indexes live on
    other slots and are written so that a crash in between leaves at worst an entry with nothing behind
    it (passed over) or an issued key that nobody was told of.

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
        super().__init__(clock, peppers)
        self._redis: Any = redis
        if self._redis.get_encoder().decode_responses:
            raise Fatal(Reason.CONFIG, "key store: connect to Redis with decode_responses=False")
        self._names = KeyNames(namespace)

    def due_expiries(self, now_ms: int, limit: int = 100) -> Sequence[DueExpiry]:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for shard in SHARDS:
                pipe.zrange(
                    self._names.due(shard), "-inf", now_ms, byscore=True, offset=0, num=limit, withscores=True
                )
            found: list[list[tuple[bytes, float]]] = pipe.execute()
        return sorted(_due(member, score) for shard in found for member, score in shard)[:limit]

    def history(self, key_id: str, limit: int = 50) -> Sequence[HistoryEntry]:
        self._load(key_id)
        with redis_errors():
            found: list[tuple[bytes, dict[bytes, bytes]]] = self._redis.xrevrange(
                self._names.history(key_id), count=limit
            )
        return [_history_entry(fields) for _, fields in found]

    def _create(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        stored: list[KeyRecord] = []
        for start in range(0, len(records), BATCH):
            stored += self._create_batch(records[start : start + BATCH])
        return stored

    def _create_batch(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        answers = self._create_records(records)
        stored = [from_fields(_pairs(flat)) for _, flat in answers]
        self._index(stored)
        for (outcome, _), record in zip(answers, records, strict=True):
            if outcome != b"ok":
                raise taken_key(record.key_id)
        return stored

    def _create_records(self, records: Sequence[KeyRecord]) -> list[tuple[bytes, list[bytes]]]:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for record in records:
                fields = [part for pair in to_fields(record).items() for part in pair]
                verb = "issue" if record.hash else "import"
                head = [record.created_ms, verb, HISTORY_MAX]
                # a cluster's pipeline has no eval() of its own, but carries the command
                pipe.execute_command("EVAL", CREATE, 2, *self._slot(record.key_id), *head, *fields)
            answers: list[tuple[bytes, list[bytes]]] = pipe.execute()
        return answers

    def _index(self, records: Sequence[KeyRecord]) -> None:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for record in records:
                pipe.zadd(self._names.listing(self._names.shard(record.key_id)), {member_of(record): 0})
                if record.hash:
                    pipe.set(self._names.by_hash(record.hash), record.key_id)
            pipe.execute()

    def _load_many(self, key_ids: Sequence[str]) -> Sequence[KeyRecord | None]:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for key_id in key_ids:
                pipe.hgetall(self._names.record(key_id))
            found: list[dict[bytes, bytes]] = pipe.execute()
        return [from_fields(fields) if fields else None for fields in found]

    def _admit(self, presented: Presented) -> Admission | None:
        key_id = self._find_id(list(presented.digests.values()))
        record = self._load_many([key_id])[0] if key_id is not None else None
        return Admission(record, record.refusal_at(self._now_ms())) if record is not None else None

    def _usages(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        return [Usage() for _ in key_ids]

    def _find_id(self, digests: Sequence[str]) -> str | None:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for digest in digests:
                pipe.get(self._names.by_hash(digest))
            found: list[bytes | None] = pipe.execute()
        return next((key_id.decode() for key_id in found if key_id is not None), None)

    def _listed(self, cursor: str, limit: int) -> Sequence[str]:
        below = f"({cursor}" if cursor else "+"
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for shard in SHARDS:
                pipe.zrange(
                    self._names.listing(shard), below, "-", desc=True, bylex=True, offset=0, num=limit
                )
            found: list[list[bytes]] = pipe.execute()
        newest = sorted((member for shard in found for member in shard), reverse=True)
        return [member.decode() for member in newest[:limit]]

    def count(self) -> int:
        with redis_errors():
            pipe = self._redis.pipeline(transaction=False)
            for shard in SHARDS:
                pipe.zcard(self._names.listing(shard))
            found: list[int] = pipe.execute()
        return sum(found)

    def _apply(self, key_id: str, change: Change) -> KeyRecord:
        now_ms = self._now_ms()
        ends = "" if change.expires_ms is None else change.expires_ms
        outcome, *flat = self._run(
            TRANSITION,
            self._slot(key_id),
            [now_ms, change.verb.value, HISTORY_MAX, change.case_id, change.by, change.reason, ends],
        )
        if outcome == b"not_found":
            raise unknown_key(key_id)
        record = from_fields(_pairs(flat[0]))
        if outcome != b"ok":
            raise refusal(Reason(outcome.decode()), record, change, now_ms)
        return record

    def _schedule(self, due: DueExpiry, *, postpone: bool = False) -> None:
        key = self._names.due(self._names.shard(due.key_id))
        self._run(SCHEDULE, [key], ["XX" if postpone else "LT", due.due_ms, _member(due.key_id, due.case_id)])

    def _unschedule(self, key_id: str, case_id: str) -> None:
        with redis_errors():
            self._redis.zrem(self._names.due(self._names.shard(key_id)), _member(key_id, case_id))

    def _run(self, script: str, keys: Sequence[str], args: Sequence[str | int | bytes]) -> Any:
        """By its hash, or with its text when the server does not have it yet."""
        with redis_errors():
            try:
                return self._redis.evalsha(_sha(script), len(keys), *keys, *args)
            except redis.exceptions.NoScriptError:
                return self._redis.eval(script, len(keys), *keys, *args)

    def _slot(self, key_id: str) -> list[str]:
        return [self._names.record(key_id), self._names.history(key_id)]


def _sha(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _pairs(flat: Sequence[bytes]) -> Mapping[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _member(key_id: str, case_id: str) -> bytes:
    return key_id.encode() + _NUL + case_id.encode()


def _due(member: bytes, score: float) -> DueExpiry:
    key_id, _, case_id = member.partition(_NUL)
    return DueExpiry(int(score), key_id.decode(), case_id.decode())


def _history_entry(fields: Mapping[bytes, bytes]) -> HistoryEntry:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    at_ms = int(text.pop("at_ms"))
    return HistoryEntry(at_ms=at_ms, **text)
