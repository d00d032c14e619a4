"""Which partitions are ours: what the group's callbacks say, told once a poll."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from monitor.source.base import Polled, RecordBatch


class Membership:
    """Collects assignments and revocations from any thread; the consumer thread drains them.

    The callbacks run on the client's heartbeat loop, where waiting gets the consumer evicted from its
    group: so they only write down what happened.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owned: set[int] = set()
        self._told: set[int] = set()
        self._gone: set[int] = set()

    def assign(self, partitions: Iterable[int]) -> None:
        """These are ours from now on."""
        with self._lock:
            self._owned |= set(partitions)

    def revoke(self, partitions: Iterable[int]) -> None:
        """These are no longer ours, be it by agreement or because we were too slow."""
        with self._lock:
            gone = set(partitions)
            self._owned -= gone
            self._gone |= gone & self._told

    def owned(self) -> set[int]:
        """The partitions that are ours now."""
        with self._lock:
            return set(self._owned)

    def drain(self) -> tuple[frozenset[int], frozenset[int]]:
        """(assigned, revoked) since the last call; what came and went in between is not told."""
        with self._lock:
            revoked = frozenset(self._gone)
            self._told -= revoked
            assigned = frozenset(self._owned - self._told)
            self._told |= assigned
            self._gone.clear()
        return assigned, revoked

    def polled(self, batches: Iterable[RecordBatch], skipped: Mapping[int, int]) -> Polled:
        """The answer of a poll: batches of partitions that changed hands in it are not ours to use.

        A partition that left and came back may have given records from before; they come again
        after its ``seek``.
        """
        assigned, revoked = self.drain()
        usable = self.owned() - assigned
        kept = [batch for batch in batches if batch.partition in usable]
        return Polled(kept, assigned, revoked, skipped)
