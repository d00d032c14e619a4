"""How many partitions a topic has and had, and so where else the profile of a key may lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from domain.profile import PROFILE_DTYPE
from monitor.baseline.migrate import row_of
from monitor.placement import PARTITIONERS

MOVED: Final = b"moved"
"""What is noted of a count whose profiles were all moved by ``keywatch migrate partitions``."""


def places(key_id: str, counts: Iterable[int]) -> set[int]:
    """Every partition that a usual partitioner gives the key under any of these partition counts."""
    return {place(key_id, count) for place in PARTITIONERS.values() for count in counts}


def elder(rows: Iterable[bytes | None]) -> bytes | None:
    """Of a key's rows in several partitions the one that has learned most; the first of equals.

    A row that was copied and went on has learned at least what the copied one has.
    """
    return max((row for row in rows if row is not None), key=_learned, default=None)


def _learned(raw: bytes) -> tuple[int, int, int]:
    row = row_of(raw, PROFILE_DTYPE)
    return int(row["windows"]), int(row["events"]), int(row["last_ms"])


def from_elsewhere(
    partition: int,
    key_ids: Sequence[str],
    counts: Sequence[int],
    load: Callable[[int, Sequence[str]], Sequence[bytes | None]],
) -> list[bytes | None]:
    """Rows of keys that are new in ``partition`` but known where another count of partitions put them.

    Only reads: those partitions have a writer of their own. Two to four lookups a key of a grown topic.
    """
    if len(counts) < 2:
        return [None] * len(key_ids)
    wanted: dict[int, list[str]] = defaultdict(list)
    for key_id in key_ids:
        for other in places(key_id, counts) - {partition}:
            wanted[other].append(key_id)
    found: dict[str, list[bytes | None]] = defaultdict(list)
    for other, asked in sorted(wanted.items()):
        for key_id, row in zip(asked, load(other, asked), strict=True):
            found[key_id].append(row)
    return [elder(found[key_id]) for key_id in key_ids]
