"""Times in Redis: suspensions that run out, graces that end, notices to owners.

Each index is 16 sorted sets by due time, on other slots than the keys. They are hints: the record
decides what is so, and a leftover entry does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from keystore.agenda import AgendaItem, Book
from keystore.redis_keys import SHARDS
from keystore.redis_records import RedisRecords
from keystore.results import DueExpiry
from keystore.scripts import CLAIM, SCHEDULE

_NUL: Final = b"\0"
Due = tuple[int, str, str]


class RedisAgenda(RedisRecords):
    """What is due, and taking it."""

    def due_expiries(self, now_ms: int, limit: int = 100) -> Sequence[DueExpiry]:
        names = [self._names.due(shard) for shard in SHARDS]
        return [DueExpiry(*due) for due in self._due(names, now_ms, limit)]

    def _schedule(self, due: DueExpiry, *, postpone: bool = False) -> None:
        key = self._names.due(self._names.shard(due.key_id))
        member = _member(due.key_id, due.case_id)
        self._calls.script(SCHEDULE, [key], ["XX" if postpone else "LT", due.due_ms, member])

    def _unschedule(self, key_id: str, case_id: str) -> None:
        name = self._names.due(self._names.shard(key_id))
        self._calls.batch(lambda pipe: pipe.zrem(name, _member(key_id, case_id)))

    def _plan(self, book: Book, items: Sequence[AgendaItem]) -> None:
        self._calls.batch(
            lambda pipe: [
                pipe.zadd(self._agenda(book, i), {_member(i.key_id, i.what): i.due_ms}) for i in items
            ]
        )

    def _planned(self, book: Book, now_ms: int, limit: int) -> Sequence[AgendaItem]:
        names = [self._names.agenda(book, shard) for shard in SHARDS]
        return [AgendaItem(*due) for due in self._due(names, now_ms, limit)]

    def _claim(self, book: Book, item: AgendaItem, later_ms: int) -> bool:
        member = _member(item.key_id, item.what)
        taken = self._calls.script(CLAIM, [self._agenda(book, item)], [self._now_ms(), later_ms, member])
        return bool(taken)

    def _strike(self, book: Book, item: AgendaItem) -> None:
        name = self._agenda(book, item)
        self._calls.batch(lambda pipe: pipe.zrem(name, _member(item.key_id, item.what)))

    def _agenda(self, book: Book, item: AgendaItem) -> str:
        return self._names.agenda(book, self._names.shard(item.key_id))

    def _due(self, names: Sequence[str], now_ms: int, limit: int) -> Sequence[Due]:
        """Of 16 sorted sets the first ``limit`` due members, the longest due first."""
        span = {"byscore": True, "offset": 0, "num": limit, "withscores": True}
        found: list[list[tuple[bytes, float]]] = self._calls.batch(
            lambda pipe: [pipe.zrange(name, "-inf", now_ms, **span) for name in names]
        )
        return sorted(_parsed(member, score) for shard in found for member, score in shard)[:limit]


def _member(key_id: str, what: str) -> bytes:
    return key_id.encode() + _NUL + what.encode()


def _parsed(member: bytes, score: float) -> Due:
    key_id, _, what = member.partition(_NUL)
    return int(score), key_id.decode(), what.decode()
