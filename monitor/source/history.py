"""What a topic holds between two moments, read beside whoever consumes it: no group, nothing committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kafka import TopicPartition

from monitor.period import BEGINNING, END, Period
from monitor.source.base import Polled, RecordBatch
from monitor.source.kafka_python import KafkaPythonSource, connect, translated
from monitor.source.settings import KafkaSettings, no_topic

DELIVERY_MS: Final = 10 * 60_000
"""How much later than its event a record may reach the topic: read that far beyond the period."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Offsets of one partition: from ``start`` to before ``stop``."""

    start: int
    stop: int

    def last(self, count: int) -> Stretch:
        """At most ``count`` offsets before its end."""
        return Stretch(max(self.start, self.stop - count), self.stop)


def without_group(settings: KafkaSettings) -> KafkaSettings:
    """The same broker and topic, read alone."""
    return replace(settings, group=None, instance_id="")


def stretches(settings: KafkaSettings, period: Period) -> dict[int, Stretch]:
    """Every partition's offsets of the period, by the timestamps of the records. A few round trips."""
    consumer = connect(without_group(settings))
    try:
        with translated(settings):
            numbers = consumer.partitions_for_topic(settings.topic)
            if not numbers:
                raise no_topic(settings)
            return _stretches(consumer, [TopicPartition(settings.topic, n) for n in sorted(numbers)], period)
    finally:
        consumer.close(autocommit=False)


def _stretches(consumer: Any, partitions: list[TopicPartition], period: Period) -> dict[int, Stretch]:
    first, last = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    start, stop = dict(first), dict(last)
    if period.from_ms > BEGINNING:
        start |= _at(consumer, partitions, period.from_ms, last)
    if period.to_ms < END:
        stop |= _at(consumer, partitions, period.to_ms + DELIVERY_MS, last)
    return {tp.partition: Stretch(start[tp], max(start[tp], stop[tp])) for tp in partitions}


def _at(
    consumer: Any, partitions: list[TopicPartition], ts_ms: int, last: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """The first offset of each partition from ``ts_ms`` on, or its end."""
    found = consumer.offsets_for_times(dict.fromkeys(partitions, ts_ms))
    return {tp: found[tp].offset if found.get(tp) else last[tp] for tp in partitions}


class KafkaHistory:
    """A :class:`monitor.source.base.Bounded` over a topic's past. ``stretches``: partition -> its offsets.

    Always through kafka-python, whose position also moves over transaction markers: that is how the end
    of a partition whose last offset holds no record is seen.
    """

    def __init__(self, settings: KafkaSettings, stretches: Mapping[int, Stretch]) -> None:
        self.topic = settings.topic
        self.stretches = dict(stretches)
        self._source = KafkaPythonSource(without_group(settings))
        self._next = {number: s.start for number, s in self.stretches.items()}
        self._open = {number for number, s in self.stretches.items() if s.start < s.stop}
        self.finished = not self._open

    def progress(self) -> tuple[int, int]:
        """Offsets."""
        total = sum(s.stop - s.start for s in self.stretches.values())
        return sum(at - self.stretches[n].start for n, at in self._next.items()), total

    def poll(self, timeout_s: float) -> Polled:
        polled = self._source.poll(timeout_s)
        kept = [cut for batch in polled.batches if (cut := self._until_stop(batch)) is not None]
        self._close_read({batch.partition for batch in polled.batches})
        known = polled.assigned & set(self.stretches)
        return Polled(kept, known, polled.revoked & set(self.stretches), polled.skipped)

    def _until_stop(self, batch: RecordBatch) -> RecordBatch | None:
        if batch.partition not in self._open:
            return None
        stop = self.stretches[batch.partition].stop
        self._next[batch.partition] = min(batch.next_offset, stop)
        rows = int((batch.offsets < stop).sum())
        if rows == len(batch):
            return batch
        return _head(batch, rows) if rows else None

    def _close_read(self, brought: set[int]) -> None:
        """Partitions that reached their stop, or from which nothing came because nothing is left."""
        lag = self._source.lag()
        for number in list(self._open):
            read = self._next[number] >= self.stretches[number].stop
            if read or (number not in brought and lag.get(number) == 0):
                self._open.remove(number)
                self._source.hold([number])
                self._next[number] = self.stretches[number].stop
        self.finished = not self._open

    def seek(self, partition: int, offset: int | None) -> None:
        """``None`` is the start of the period."""
        if partition in self._open:
            self._source.seek(partition, self.stretches[partition].start if offset is None else offset)

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        return {number: self.stretches[number].stop for number in partitions}

    def partitions(self) -> int:
        return len(self.stretches)

    def lag(self) -> dict[int, int]:
        return {number: s.stop - self._next[number] for number, s in self.stretches.items()}

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Others' positions are theirs."""

    def close(self) -> None:
        self._source.close()


def _head(batch: RecordBatch, rows: int) -> RecordBatch:
    return RecordBatch(
        partition=batch.partition,
        offsets=batch.offsets[:rows],
        values=batch.values[:rows],
        keys=batch.keys[:rows],
        headers=batch.headers[:rows],
        next_offset=int(batch.offsets[rows - 1]) + 1,
    )
