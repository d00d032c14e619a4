"""The contract of a state store: claim a partition, load rows, commit behind a fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.profile import SCHEMA_VERSION
from monitor.baseline.migrate import newer

NO_OFFSET = -1
"""A partition that was never committed: begin at the earliest record."""
SCHEMA = "schema"
"""The meta field with the highest schema that a commit wrote; absent before there was a second one."""


class CommitResult(StrEnum):
    """``applied`` now, ``done`` by an earlier try of the same call, or ``fenced``: nothing written."""

    APPLIED = "applied"
    DONE = "done"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class Claim:
    """What the last commit left, and the fence token that the next commit must name.

    ``windows`` maps (minute, key id) to row bytes; ``meta`` are the partition's named values.
    """

    fence: bytes
    offset: int
    meta: Mapping[str, bytes]
    windows: Mapping[tuple[int, str], bytes]


@dataclass(slots=True)
class Commit:
    """All that one commit writes. ``offset`` is the next record to read after it.

    ``outbox`` entries are (record offset, bytes) in rising offset order; ``samples`` are feature rows.
    ``left`` are keys whose profile now lies in another partition.
    """

    expected: bytes
    fence: bytes
    offset: int
    meta: dict[str, bytes] = field(default_factory=dict)
    profiles: dict[str, bytes] = field(default_factory=dict)
    windows: dict[tuple[int, str], bytes] = field(default_factory=dict)
    closed: list[tuple[int, str]] = field(default_factory=list)
    outbox: list[tuple[int, bytes]] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class StateStore(Protocol):
    """One store for all partitions of a topic. Calls block for one round trip or a few.

    Raises ``Transient`` when the store does not answer and ``Fatal`` when it cannot be used.
    """

    topic: str

    def claim(self, partition: int, fence: bytes) -> Claim:
        """Become the partition's only writer: any commit of an earlier claim is fenced from now on.

        Raises ``Refused``, and leaves the writer alone, when a newer release has stored its schema here.
        """

    def load_profiles(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        """Row bytes in the order asked; None for a key never stored."""

    def from_elsewhere(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        """Rows that keys new to this partition have in others, as the topic had fewer partitions once."""

    def note_partitions(self, count: int) -> list[int]:
        """The topic has so many now. Answers earlier counts whose profiles were not moved yet."""

    def commit(self, partition: int, commit: Commit) -> CommitResult:
        """Write all of it or none of it."""

    def samples(self, partitions: Sequence[int]) -> list[bytes]:
        """The feature rows kept for training, newest first within a partition."""


def require_known(partition: int, schema: bytes | None) -> None:
    """Raises ``Refused`` for a partition that a newer release has written."""
    if schema and int(schema) > SCHEMA_VERSION:
        raise newer(int(schema), f"partition {partition}")
