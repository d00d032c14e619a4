"""Verifications in Redis: one script, one round trip; and how keys were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from keystore.admission import Admission, Presented
from keystore.admit_script import ADMIT, FIELDS, VERIFY
from keystore.rate import RateStatus, status_of
from keystore.record import KeyRecord, from_fields
from keystore.redis_records import RedisRecords
from keystore.refusal import Refusal
from keystore.results import Usage

PARSED: Final = 4096
"""Records whose bytes were read lately, about 2 kB each."""

_NAMES: Final = tuple(name.encode() for name in FIELDS)


class RedisAdmission(RedisRecords):
    """Finds keys by their secret."""

    def _admit(self, presented: Presented) -> Admission | None:
        now_ms = self._now_ms()
        versions = [part for pair in presented.digests.items() for part in pair]
        answer = self._calls.script(
            VERIFY,
            [self._names.hashes(presented.cell)],
            [now_ms, self._names.records(presented.cell), *versions],
        )
        return _admission(answer, now_ms) or self._admit_uncelled(presented)

    def _admit_uncelled(self, presented: Presented) -> Admission | None:
        """Keys made before there were cells: two round trips more, until they are rotated."""
        digests = list(presented.digests.values())
        found = self._calls.batch(lambda pipe: [pipe.get(self._names.by_hash(d)) for d in digests])
        for key_id, digest in zip(found, digests, strict=True):
            if key_id is not None:
                return self._admit_known(key_id.decode(), digest)
        return None

    def _admit_known(self, key_id: str, hashed: str) -> Admission | None:
        now_ms = self._now_ms()
        record = self._names.record(key_id, "")
        return _admission(self._calls.script(ADMIT, [record], [now_ms, hashed]), now_ms)

    def _note_lookup(self, version: int, lookup: str, key_id: str) -> None:
        name = self._names.imported(version, lookup)
        self._calls.batch(lambda pipe: pipe.sadd(name, key_id))

    def _forget_lookup(self, version: int, lookup: str, key_id: str) -> None:
        name = self._names.imported(version, lookup)
        self._calls.batch(lambda pipe: pipe.srem(name, key_id))

    def _looked_up(self, found_by: Mapping[int, str]) -> Sequence[str]:
        names = [self._names.imported(version, lookup) for version, lookup in found_by.items()]
        found: list[set[bytes]] = self._calls.batch(lambda pipe: [pipe.smembers(name) for name in names])
        return sorted({key_id.decode() for members in found for key_id in members})

    def _usages(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        homes = zip(key_ids, self._cells(key_ids), strict=True)
        names = [self._names.use(key_id, cell) for key_id, cell in homes]
        found = self._calls.batch(lambda pipe: [pipe.hgetall(name) for name in names])
        return [_usage(fields) for fields in found]


def _admission(answer: Any, now_ms: int) -> Admission | None:
    """As the scripts answer; None for no key."""
    refusal, *rest = answer
    if refusal == Refusal.UNKNOWN_KEY.encode():
        return None
    tat, wait, values = rest
    record = _record(tuple(values))
    known = Refusal(refusal.decode()) if refusal else None
    return Admission(record, known, _rate(record, tat, wait, now_ms))


@lru_cache(maxsize=PARSED)
def _record(values: tuple[bytes | None, ...]) -> KeyRecord:
    """The bytes decide, so this cannot be stale: only the work of reading them is saved."""
    return from_fields({name: value for name, value in zip(_NAMES, values, strict=True) if value is not None})


def _rate(record: KeyRecord, tat: bytes, wait: bytes, now_ms: int) -> RateStatus | None:
    limit = record.rate if tat else None
    return None if limit is None else status_of(limit, float(tat), now_ms * 1000, float(wait))


def _usage(fields: Mapping[bytes, bytes]) -> Usage:
    days = {int(name[1:]): int(count) for name, count in fields.items() if name[:1] == b"d"}
    last = fields.get(b"last")
    return Usage(int(last) if last else None, dict(sorted(days.items())))
