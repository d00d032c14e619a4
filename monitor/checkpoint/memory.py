"""A state store in memory, for replay and tests; passes the same contract suite as Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.finding import Finding
from domain.ports import OutboxEntry
from monitor.checkpoint.base import NO_OFFSET, SCHEMA, Claim, Commit, CommitResult, require_known
from monitor.checkpoint.codec import SAMPLES_KEPT, decode_finding
from monitor.checkpoint.growth import from_elsewhere


@dataclass(slots=True)
class _Partition:
    fence: bytes = b""
    offset: int = NO_OFFSET
    meta: dict[str, bytes] = field(default_factory=dict)
    profiles: dict[str, bytes] = field(default_factory=dict)
    windows: dict[tuple[int, str], bytes] = field(default_factory=dict)
    outbox: list[tuple[int, bytes]] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)


class MemoryStateStore:
    """Not shared between processes and gone with this one."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._partitions: dict[int, _Partition] = {}
        self._counts: list[int] = []

    def claim(self, partition: int, fence: bytes) -> Claim:
        part = self._partitions.setdefault(partition, _Partition())
        require_known(partition, part.meta.get(SCHEMA))
        part.fence = fence
        return Claim(fence, part.offset, dict(part.meta), dict(part.windows))

    def load_profiles(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        stored = self._partitions[partition].profiles
        return [stored.get(key_id) for key_id in key_ids]

    def from_elsewhere(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        return from_elsewhere(partition, key_ids, self._counts, self._rows)

    def _rows(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        return (
            self.load_profiles(partition, key_ids) if partition in self._partitions else [None] * len(key_ids)
        )

    def note_partitions(self, count: int) -> list[int]:
        self._counts = sorted({*self._counts, count})
        return [before for before in self._counts if before < count]

    def commit(self, partition: int, commit: Commit) -> CommitResult:
        part = self._partitions.setdefault(partition, _Partition())
        if part.fence == commit.fence:
            return CommitResult.DONE
        if part.fence != commit.expected:
            return CommitResult.FENCED
        part.fence, part.offset = commit.fence, commit.offset
        part.meta.update(commit.meta)
        part.profiles.update(commit.profiles)
        for key_id in commit.left:
            part.profiles.pop(key_id, None)
        part.windows.update(commit.windows)
        for window in commit.closed:
            part.windows.pop(window, None)
        part.outbox.extend(commit.outbox)
        part.samples = (list(reversed(commit.samples)) + part.samples)[:SAMPLES_KEPT]
        return CommitResult.APPLIED

    def samples(self, partitions: Sequence[int]) -> list[bytes]:
        return [row for p in partitions if p in self._partitions for row in self._partitions[p].samples]

    def findings(self) -> list[Finding]:
        """All findings committed and not yet taken, by partition and offset."""
        return [decode_finding(raw) for _, part in sorted(self._partitions.items()) for _, raw in part.outbox]

    # -- the Outbox port, so that replay can run the whole alert pipeline ----------------------------

    def read(self, limit: int, block_s: float) -> Sequence[OutboxEntry]:
        del block_s
        waiting = [
            OutboxEntry(decode_finding(raw), f"{number}/{raw.hex()}")
            for number, part in sorted(self._partitions.items())
            for _, raw in part.outbox
        ]
        return waiting[:limit]

    def ack(self, entries: Sequence[OutboxEntry]) -> None:
        done = {entry.token for entry in entries}
        for number, part in self._partitions.items():
            part.outbox = [e for e in part.outbox if f"{number}/{e[1].hex()}" not in done]
