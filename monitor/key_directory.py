"""The keys that have a baseline, page by page over all partitions, however many there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from domain.errors import Reason, Rejected
from domain.overview import KeyLine, KeyPage
from domain.profile import PROFILE_DTYPE
from domain.redis_errors import redis_errors
from monitor.checkpoint.redis import RedisStateStore

STEPS: Final = 8
"""Looks at Redis to fill one page; a look at a partition with few keys brings few."""
LIMIT: Final = 500
_CURSOR: Final = re.compile(r"(\d{1,9})\.(\d{1,20})")
_HEAD: Final = ("version", "flags", "tenant", "first_ms", "last_ms", "events")
_DTYPE: Final = np.dtype([(name, PROFILE_DTYPE[name]) for name in _HEAD])
"""The first fields of a row of any version so far; a list needs no more of its 2 kB."""

# KEYS profiles. ARGV cursor, count, bytes of a row. HSCAN brings whole rows, but they stay in the server.
_SCAN: Final = """#!lua flags=no-writes
local found = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
for i = 2, #found[2], 2 do found[2][i] = string.sub(found[2][i], 1, ARGV[3]) end
return found
"""


class RedisKeyDirectory:
    """A :class:`domain.overview.KeyDirectory`. A cursor is the partition and Redis' own cursor in it: every
    key that is there all the time is in some page, a key may be in two while rows are added.
    """

    def __init__(self, client: Any, store: RedisStateStore, partitions: Callable[[], Sequence[int]]) -> None:
        self._redis = client
        self._store = store
        self._partitions = partitions

    def page(self, cursor: str = "", limit: int = 50) -> KeyPage:
        numbers, wanted = list(self._partitions()), min(max(limit, 1), LIMIT)
        if not numbers and not cursor:
            return KeyPage([], "")
        number, at = _checked(cursor, numbers) if cursor else (numbers[0], "0")
        lines: list[KeyLine] = []
        for _ in range(STEPS):
            at, found = self._step(number, at, wanted - len(lines))
            lines += found
            if at == "0":
                later = [other for other in numbers if other > number]
                if not later:
                    return KeyPage(lines, "")
                number = later[0]
            if len(lines) >= wanted:
                break
        return KeyPage(lines, f"{number}.{at}")

    @redis_errors("profiles")
    def _step(self, partition: int, cursor: str, count: int) -> tuple[str, list[KeyLine]]:
        key = self._store.key(partition, "profiles")
        after, found = self._redis.eval(_SCAN, 1, key, cursor, count, _DTYPE.itemsize)
        return after.decode(), [_line(*pair) for pair in zip(found[::2], found[1::2], strict=True)]


def _checked(cursor: str, numbers: Sequence[int]) -> tuple[int, str]:
    parts = _CURSOR.fullmatch(cursor)
    if parts is None or int(parts[1]) not in numbers or int(parts[2]) >= 1 << 64:
        raise Rejected(Reason.WRONG_TYPE, "not a cursor: pass the one that the last page gave, or none")
    return int(parts[1]), parts[2]


def _line(key_id: bytes, head: bytes) -> KeyLine:
    row = np.frombuffer(head, _DTYPE)[0]
    return KeyLine(key_id.decode(), int(row["first_ms"]), int(row["last_ms"]), int(row["events"]))
