"""A topic in memory and a source on it: the shipped double, held to the contract of the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from monitor.source.base import Headers, Polled, RecordBatch
from monitor.source.membership import Membership


@dataclass(frozen=True, slots=True)
class _Record:
    offset: int
    value: bytes | None
    key: bytes | None
    headers: Headers


@dataclass(slots=True)
class _Log:
    records: list[_Record] = field(default_factory=list)
    start: int = 0
    end: int = 0


class MemoryTopic:
    """Partitioned logs that several sources may read.

    >>> topic = MemoryTopic("usage", partitions=2)
    >>> topic.append(1, b"a"), topic.append(1, b"b")
    (0, 1)
    """

    def __init__(self, name: str, partitions: int = 1) -> None:
        self.name = name
        self.logs = [_Log() for _ in range(partitions)]

    def append(
        self, partition: int, value: bytes | None, key: bytes | None = None, headers: Headers = ()
    ) -> int:
        """Add a record; returns its offset."""
        log = self.logs[partition]
        log.records.append(_Record(log.end, value, key, headers))
        log.end += 1
        return log.end - 1

    def skip(self, partition: int, count: int) -> None:
        """Leave a hole of ``count`` offsets, as compaction and transactions do."""
        self.logs[partition].end += count

    def trim(self, partition: int, before: int) -> None:
        """Forget the records before an offset, as retention does."""
        log = self.logs[partition]
        log.records = [record for record in log.records if record.offset >= before]
        log.start = max(log.start, before)


class MemorySource:
    """Reads a :class:`MemoryTopic`; ``give`` and ``take`` play the group's part. Never waits."""

    def __init__(
        self, topic: MemoryTopic, assigned: Iterable[int] | None = None, poll_records: int = 20_000
    ) -> None:
        self.topic = topic.name
        self.log = topic
        self.committed: dict[int, int] = {}
        self.closed = False
        self._poll_records = poll_records
        self._members = Membership()
        self._position: dict[int, int] = {}
        self.give(range(len(topic.logs)) if assigned is None else assigned)

    def give(self, partitions: Iterable[int]) -> None:
        """The group assigns these."""
        self._members.assign(partitions)

    def take(self, partitions: Iterable[int]) -> None:
        """The group revokes these; nothing more is read from them."""
        gone = list(partitions)
        self._members.revoke(gone)
        for number in gone:
            self._position.pop(number, None)

    def poll(self, timeout_s: float) -> Polled:
        del timeout_s  # what will come is already there
        skipped = self._skip()
        batches: list[RecordBatch] = []
        room = self._poll_records
        for number in self._position:
            if room and (found := self._read(number, room)):
                batches.append(_batch(number, found))
                room -= len(found)
        return self._members.polled(batches, skipped)

    def _skip(self) -> dict[int, int]:
        skipped: dict[int, int] = {}
        for number, position in self._position.items():
            log = self.log.logs[number]
            if not log.start <= position <= log.end:
                skipped[number] = log.start - position
                self._position[number] = log.start
        return skipped

    def _read(self, number: int, room: int) -> list[_Record]:
        position = self._position[number]
        found = [record for record in self.log.logs[number].records if record.offset >= position][:room]
        if found:
            self._position[number] = found[-1].offset + 1
        return found

    def seek(self, partition: int, offset: int | None) -> None:
        if partition in self._members.owned():
            self._position[partition] = self.log.logs[partition].start if offset is None else offset

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        return {number: self.log.logs[number].end for number in partitions}

    def partitions(self) -> int:
        return len(self.log.logs)

    def lag(self) -> dict[int, int]:
        return {number: self.log.logs[number].end - at for number, at in self._position.items()}

    def commit(self, offsets: Mapping[int, int]) -> None:
        self.committed.update(offsets)

    def close(self) -> None:
        self.closed = True
        self.take(self._members.owned())


def _batch(number: int, records: list[_Record]) -> RecordBatch:
    return RecordBatch(
        partition=number,
        offsets=np.array([record.offset for record in records], np.int64),
        values=[record.value for record in records],
        keys=[record.key for record in records],
        headers=[record.headers for record in records],
        next_offset=records[-1].offset + 1,
    )
