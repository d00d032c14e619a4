"""Records in Redis: making them, finding them by id, and changing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.clock import Clock
from domain.errors import Reason
from keystore.hashing import Peppers
from keystore.listing import member_of
from keystore.primitives import Primitives
from keystore.record import KeyRecord, from_fields, to_fields
from keystore.redis_calls import Calls, Client
from keystore.redis_keys import KeyNames, tag
from keystore.results import taken_key, unknown_key
from keystore.rules import StoreRules
from keystore.scripts import CREATE, HISTORY_MAX, REHASH, TRANSITION
from keystore.transitions import Change, refusal

BATCH: Final = 500
"""Keys a pipeline: some 800 kB on the wire, and no other client waits more than a few milliseconds."""


class RedisRecords(Primitives):
    """The record of each key, its history, and the ways to find them."""

    def __init__(
        self, redis: Client, clock: Clock, peppers: Peppers | None, namespace: str, rules: StoreRules
    ) -> None:
        super().__init__(clock, peppers, rules)
        self._calls = Calls(redis)
        self._names = KeyNames(namespace)

    def _create(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        stored: list[KeyRecord] = []
        for start in range(0, len(records), BATCH):
            stored += self._create_batch(records[start : start + BATCH])
        return stored

    def _create_batch(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        """Where they live, then they, then the listing: a crash in between leaves at worst an entry with
        nothing behind it, or a key that nobody was told of."""
        cells = self._settled(records)
        answers = self._calls.batch(
            lambda pipe: [self._put(pipe, record, cell) for record, cell in zip(records, cells, strict=True)]
        )
        stored = [from_fields(pairs(flat)) for _, flat in answers]
        self._calls.batch(lambda pipe: [self._enlist(pipe, record) for record in stored])
        for (outcome, _), record in zip(answers, records, strict=True):
            if outcome != b"ok":
                raise taken_key(record.key_id)
        return stored

    def _settled(self, records: Sequence[KeyRecord]) -> Sequence[str]:
        """Note the cell of each, and say where it lives: an id to import may be one that we issued."""
        known = self._calls.batch(
            lambda pipe: [
                pipe.hset(self._names.homes(r.key_id), tag(r.key_id), r.cell)
                if r.cell
                else pipe.hget(self._names.homes(r.key_id), tag(r.key_id))
                for r in records
            ]
        )
        found = zip(records, known, strict=True)
        return [record.cell or (cell.decode() if cell else "") for record, cell in found]

    def _put(self, pipe: Any, record: KeyRecord, cell: str) -> Any:
        fields = [part for pair in to_fields(record).items() for part in pair]
        keys = [self._names.record(record.key_id, cell), self._names.history(record.key_id, cell)]
        if record.cell:
            keys.append(self._names.hashes(cell))
        # a cluster's pipeline has no eval() of its own, but carries the command
        return pipe.execute_command("EVAL", CREATE, len(keys), *keys, *fields)

    def _enlist(self, pipe: Any, record: KeyRecord) -> Any:
        return pipe.zadd(self._names.listing(self._names.shard(record.key_id)), {member_of(record): 0})

    def _cells(self, key_ids: Sequence[str]) -> Sequence[str]:
        """Where these keys live; "" for one that is not in the cell of a secret, or unknown."""
        found = self._calls.batch(lambda pipe: [pipe.hget(self._names.homes(k), tag(k)) for k in key_ids])
        return [cell.decode() if cell is not None else "" for cell in found]

    def _load_many(self, key_ids: Sequence[str]) -> Sequence[KeyRecord | None]:
        homes = zip(key_ids, self._cells(key_ids), strict=True)
        names = [self._names.record(key_id, cell) for key_id, cell in homes]
        found = self._calls.batch(lambda pipe: [pipe.hgetall(name) for name in names])
        return [from_fields(fields) if fields else None for fields in found]

    def _apply(self, key_id: str, change: Change) -> KeyRecord:
        (cell,) = self._cells([key_id])
        now_ms = self._now_ms()
        ends = "" if change.expires_ms is None else change.expires_ms
        texts = (change.case_id, change.by, change.reason)
        outcome, *flat = self._calls.script(
            TRANSITION,
            [self._names.record(key_id, cell), self._names.history(key_id, cell)],
            [now_ms, change.verb.value, HISTORY_MAX, *texts, ends, change.successor],
        )
        if outcome == b"not_found":
            raise unknown_key(key_id)
        record = from_fields(pairs(flat[0]))
        if outcome != b"ok":
            raise refusal(Reason(outcome.decode()), record, change, now_ms)
        return record

    def _replace_hash(self, record: KeyRecord, hashed: str, version: int) -> KeyRecord:
        names = self._names
        keys = [names.record(record.key_id, record.cell), names.history(record.key_id, record.cell)]
        flat = self._calls.script(REHASH, keys, [self._now_ms(), HISTORY_MAX, record.hash, hashed, version])
        return from_fields(pairs(flat))


def pairs(flat: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """A hash as a script answers it."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
