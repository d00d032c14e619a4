"""Profiles and open windows of a topic that grew, to where the producer's partitioner now puts their keys.

Works beside running consumers: each partition is written behind its fence, so that a daemon is made to
rewind rather than overwrite. A key is stored where it goes before it is removed where it was, and of two
rows the one that has learned more stays; so it may be broken off at any moment and run again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from domain.profile import WINDOW_DTYPE
from monitor.baseline.migrate import row_of
from monitor.checkpoint.base import NO_OFFSET, Commit
from monitor.checkpoint.growth import elder
from monitor.checkpoint.redis import RedisStateStore
from monitor.migration.fleets import lay_by, put_in_place, shared_out
from monitor.migration.hold import Hold, sliced

Place = Callable[[str], int]
Window = tuple[int, str]


@dataclass(slots=True)
class Moved:
    """What was done. ``merged`` keys had a row on both sides, ``left`` windows were counted on both."""

    profiles: int = 0
    merged: int = 0
    windows: int = 0
    left: int = 0


def flows_of(store: RedisStateStore, place: Place) -> Counter[tuple[int, int]]:
    """(where profiles are, where they belong) -> how many. Reads every key, writes nothing."""
    flows: Counter[tuple[int, int]] = Counter()
    for number in store.partitions():
        flows.update((number, place(key_id)) for key_id, _ in store.profiles_named(number, "*"))
    return flows


def astray(flows: Counter[tuple[int, int]]) -> int:
    """Profiles that are not where they belong."""
    return sum(keys for (source, target), keys in flows.items() if source != target)


@dataclass(slots=True)
class Moving:
    """One run over all partitions; ``target`` names it, so that another run of the same goes on with it."""

    store: RedisStateStore
    place: Place
    target: str
    moved: Moved = field(default_factory=Moved)
    _holds: dict[int, Hold] = field(default_factory=dict)

    def run(self, flows: Counter[tuple[int, int]]) -> Iterator[int]:
        """Move all; yields the profiles of each step."""
        self._fleets(flows)
        for number in self.store.partitions():
            for rows in sliced(self.store.profiles_named(number, "*")):
                yield from self._away(number, [key_id for key_id, _ in rows])
        self.store.end_moving()

    def _hold(self, number: int) -> Hold:
        if number not in self._holds:
            self._holds[number] = Hold(self.store, number)
        return self._holds[number]

    def _fleets(self, flows: Counter[tuple[int, int]]) -> None:
        if not astray(flows):
            return
        if self.store.moving() != self.target:
            for number, fleet in shared_out(self.store.fleets(), flows).items():
                lay_by(self._hold(number), fleet)
            self.store.begin_moving(self.target)
        for number in self.store.partitions():
            put_in_place(self._hold(number))

    def _away(self, number: int, key_ids: list[str]) -> Iterator[int]:
        going: dict[int, list[str]] = defaultdict(list)
        for key_id in key_ids:
            if (target := self.place(key_id)) != number:
                going[target].append(key_id)
        for target, leaving in sorted(going.items()):
            self._move(self._hold(number), self._hold(target), leaving)
            yield len(leaving)

    def _move(self, source: Hold, target: Hold, key_ids: list[str]) -> None:
        merged: set[str] | None = None
        while True:
            rows = dict(zip(key_ids, self.store.load_profiles(source.partition, key_ids), strict=True))
            windows = _windows_of(source, key_ids)
            there = self._arrive(target, {k: raw for k, raw in rows.items() if raw is not None}, windows)
            merged = there if merged is None else merged
            gone = [name for name, raw in windows.items() if _covers(target.windows.get(name), raw)]
            if source.write(Commit(b"", b"", NO_OFFSET, left=key_ids, closed=gone)):
                break
            source.take()
        self.moved.profiles += len(key_ids)
        self.moved.merged += len(merged)
        self.moved.windows += len(gone)
        self.moved.left += len(windows) - len(gone)

    def _arrive(self, target: Hold, rows: dict[str, bytes], windows: dict[Window, bytes]) -> set[str]:
        """Store them, but for what is known better there; returns the keys that were there."""
        while True:
            there = dict(zip(rows, self.store.load_profiles(target.partition, list(rows)), strict=True))
            better = {k: raw for k, raw in rows.items() if elder([there[k], raw]) is raw}
            fresh = {name: raw for name, raw in windows.items() if name not in target.windows}
            if target.write(Commit(b"", b"", NO_OFFSET, profiles=better, windows=fresh)):
                return {key_id for key_id, row in there.items() if row is not None}
            target.take()


def _windows_of(hold: Hold, key_ids: list[str]) -> dict[Window, bytes]:
    wanted = set(key_ids)
    return {name: raw for name, raw in hold.windows.items() if name[1] in wanted}


def _covers(there: bytes | None, here: bytes) -> bool:
    """Whether a window is the other one, or what became of it. Two halves of a minute stay two."""
    if there is None:
        return False
    a, b = row_of(there, WINDOW_DTYPE), row_of(here, WINDOW_DTYPE)
    return bool(a["first_ms"] == b["first_ms"] and np.uint32(a["count"]) >= np.uint32(b["count"]))
