"""Baselines from history: the same counting, scoring and learning as the daemon's, and no finding sent.

All is built in memory and written at the end, so that a run that is broken off leaves nothing behind and a
daemon beside it is disturbed at most once. About 5 kB of memory a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.event import EventColumns
from domain.profile import WINDOW_MS
from monitor.baseline.partition import PartitionState
from monitor.checkpoint.codec import SAMPLES_KEPT
from monitor.checkpoint.memory import MemoryStateStore
from monitor.decode.base import Decoder
from monitor.engine import Engine
from monitor.enrich.enricher import Enricher
from monitor.period import Period
from monitor.source.base import Bounded, DeadLetter, DeadLetters, RecordBatch

POLL_S = 0.2


@dataclass(slots=True)
class Learned:
    """What a backfill has read. ``unsent``: findings by detector that history would have given."""

    events: int = 0
    outside_period: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unsent: Counter[str] = field(default_factory=Counter)
    first_ms: int = 0
    last_ms: int = 0


class Backfill:
    """Reads ``source`` to its end into one :class:`PartitionState` a partition.

    ``place`` gives the partition of a key id; None keeps the source's own partitions. ``period`` drops
    other events: leave it open where the source's offsets decide, as the daemon goes on after them.
    """

    def __init__(
        self,
        source: Bounded,
        decoder: Decoder,
        enricher: Enricher,
        engine: Engine,
        dead_letters: DeadLetters,
        place: Callable[[str], int] | None = None,
        period: Period = Period(),  # noqa: B008 - frozen
    ) -> None:
        self.source = source
        self.learned = Learned()
        self.parts: dict[int, PartitionState] = {}
        self._decoder = decoder
        self._enricher = enricher
        self._engine = engine
        self._dead_letters = dead_letters
        self._place = place
        self._period = period
        self._store = MemoryStateStore(source.topic)

    @property
    def keys(self) -> int:
        """Keys met so far."""
        return sum(len(part.key_ids) for part in self.parts.values())

    def run(self) -> Iterator[None]:
        """Read all; yields after every poll."""
        while not self.source.finished:
            polled = self.source.poll(POLL_S)
            for number in sorted(polled.assigned):
                self.source.seek(number, None)
            for batch in polled.batches:
                self._consume(batch)
            yield
        self.source.close()
        self._dead_letters.flush()

    def close_windows(self) -> None:
        """The history's last minutes are over too: nothing that comes again may count again in them."""
        for part in self.parts.values():
            self._forget(part, [f.detector for f in self._engine.finish(part)])
            part.watermark_ms = max(part.watermark_ms, part.minute * WINDOW_MS)

    def _consume(self, batch: RecordBatch) -> None:
        decoded = self._decoder.decode(batch.values, batch.offsets, batch.headers)
        for reject in decoded.rejects:
            self.learned.rejected[reject.reason.value] += 1
            self._dead_letters.send(DeadLetter.of(self.source.topic, batch, reject))
        columns = self._within(decoded.columns)
        for number, rows in self._by_partition(batch.partition, columns):
            self._learn(number, columns if rows is None else picked(columns, rows), batch.next_offset)

    def _within(self, columns: EventColumns) -> EventColumns:
        inside = (columns.ts_ms >= self._period.from_ms) & (columns.ts_ms <= self._period.to_ms)
        self.learned.outside_period += int((~inside).sum())
        return columns if inside.all() else picked(columns, np.flatnonzero(inside))

    def _by_partition(
        self, own: int, columns: EventColumns
    ) -> Iterator[tuple[int, npt.NDArray[np.int64] | None]]:
        """(partition, rows in order), rows None for all."""
        if self._place is None:
            yield own, None
            return
        where = np.array([self._place(key_id) for key_id in columns.key_id], np.int64)
        for number in np.unique(where).tolist():
            yield number, np.flatnonzero(where == number)

    def _learn(self, number: int, columns: EventColumns, next_offset: int) -> None:
        part = self.part(number)
        events = self._enricher.enrich(columns)
        keys = part.slots_of(events.key_id, columns.tenant)
        found = self._engine.apply(part, events, keys, next_offset)
        self._forget(part, [f.detector for f in found])
        if len(columns):
            self._note(columns)

    def part(self, number: int) -> PartitionState:
        """The partition's state; empty when the history had nothing for it."""
        if number not in self.parts:
            claim = self._store.claim(number, b"")
            self.parts[number] = PartitionState(number, self._store, claim)
        return self.parts[number]

    def _forget(self, part: PartitionState, detectors: list[str]) -> None:
        """History has no alerts: findings are counted, and hold learning back as they would have."""
        self.learned.unsent.update(detectors)
        part.outbox.clear()
        del part.samples[:-SAMPLES_KEPT]

    def _note(self, columns: EventColumns) -> None:
        first, last = int(columns.ts_ms.min()), int(columns.ts_ms.max())
        self.learned.first_ms = min(self.learned.first_ms or first, first)
        self.learned.last_ms = max(self.learned.last_ms, last)
        self.learned.events += len(columns)


def picked(columns: EventColumns, rows: npt.NDArray[np.int64]) -> EventColumns:
    """Some rows of decoded columns, in the order given."""
    numbers = rows.tolist()
    new = {old: new for new, old in enumerate(numbers)}
    taken: dict[str, Any] = {}
    for one in fields(columns):
        value = getattr(columns, one.name)
        if one.name == "places":
            taken[one.name] = {new[row]: place for row, place in value.items() if row in new}
        elif one.name == "leaked":
            taken[one.name] = [new[row] for row in value if row in new]
        elif isinstance(value, np.ndarray):
            taken[one.name] = value[rows]
        else:
            taken[one.name] = [value[row] for row in numbers]
    return EventColumns(**taken)
