"""Where record batches come from: the contract of a source, and of the place for rejected records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from domain.errors import Reason

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition in rising offset order; every column has length n >= 1.

    Offsets may have holes (compaction, transaction markers). A value is None for a tombstone.
    ``next_offset`` is where to read on after the last record. ``headers`` may be built at access.
    """

    partition: int
    offsets: npt.NDArray[np.int64]
    values: list[bytes | None]
    keys: list[bytes | None]
    headers: Sequence[Headers]
    next_offset: int

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought. Apply ``revoked`` first, then ``assigned``, then the batches.

    A partition that went away and came back since the last poll is in both sets; a lost one counts as
    revoked. ``skipped`` maps a partition whose wanted offset is no longer kept to how many offsets
    the source jumped ahead to the earliest record (negative: the log is shorter than it was).
    """

    batches: list[RecordBatch] = field(default_factory=list)
    assigned: frozenset[int] = frozenset()
    revoked: frozenset[int] = frozenset()
    skipped: Mapping[int, int] = field(default_factory=dict)


class Source(Protocol):
    """Partitions of one topic, owned by one consumer thread.

    Nothing flows from a newly assigned partition until :meth:`seek` says from where. Raises
    ``Transient`` when the broker does not answer, ``Fatal`` when settings or credentials are wrong.
    """

    topic: str

    def poll(self, timeout_s: float) -> Polled:
        """Wait at most ``timeout_s`` for records; returns at once when some are there."""

    def seek(self, partition: int, offset: int | None) -> None:
        """Read on at ``offset``, None meaning the earliest. No effect on a partition not owned."""

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        """The offset after the last record of each partition; one or more round trips."""

    def partitions(self) -> int:
        """How many partitions the topic has, 0 when the broker does not say; one short round trip at most."""

    def lag(self) -> dict[int, int]:
        """Records behind the end, for the partitions where that is known without asking."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell lag tooling where we are. Does not block, failures are ignored: state is not here."""

    def close(self) -> None:
        """Leave the group and free everything; calling it again does nothing."""


class Bounded(Source, Protocol):
    """A source that ends. ``finished`` after the poll that brought its last record."""

    finished: bool

    def progress(self) -> tuple[int, int]:
        """How much of how much is read, in units of the source's own."""


class RejectedRow(Protocol):
    """A row of a batch that could not be decoded: which, why, and in words."""

    @property
    def row(self) -> int: ...
    @property
    def reason(self) -> Reason: ...
    @property
    def message(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record nobody could use, as it was, and why. ``stage`` is the step that gave up on it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    exception: str
    message: str
    stage: str = "decode"

    @classmethod
    def of(cls, topic: str, batch: RecordBatch, reject: RejectedRow, stage: str = "decode") -> DeadLetter:
        """The letter for one row of a batch."""
        row = reject.row
        return cls(
            topic=topic,
            partition=batch.partition,
            offset=int(batch.offsets[row]),
            key=batch.keys[row],
            value=batch.values[row],
            headers=batch.headers[row],
            exception=reject.reason.value,
            message=reject.message,
            stage=stage,
        )

    def error_headers(self) -> dict[str, str]:
        """What is added to the record's own headers."""
        return {
            "__keywatch.errors.exception": self.exception,
            "__keywatch.errors.message": self.message,
            "__keywatch.errors.topic": self.topic,
            "__keywatch.errors.partition": str(self.partition),
            "__keywatch.errors.offset": str(self.offset),
            "__keywatch.errors.stage": self.stage,
        }


class DeadLetters(Protocol):
    """Keeps rejected records. At least once: a letter may be written twice, never lost."""

    def send(self, record: DeadLetter) -> None:
        """Take one; it is safe only after the next :meth:`flush`."""

    def flush(self) -> None:
        """Wait until all are written. Raises ``Transient`` if one was not: hold the offset.

        What failed is kept and tried again by the next call.
        """

    def close(self) -> None:
        """Free what is open; does not flush."""
