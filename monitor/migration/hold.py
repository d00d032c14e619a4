"""A partition held by its fence, to be rewritten in commits of bounded size."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from domain.errors import Reason, Transient
from monitor.checkpoint.base import Claim, Commit, CommitResult
from monitor.checkpoint.redis import RedisStateStore

T = TypeVar("T")
RACES: Final = 20
ROWS: Final = 2_000
"""Rows a commit: some 10 ms of a Redis that serves a daemon too."""


class Hold:
    """Owns one partition until another claims it. Offsets and what is not named stay as they are.

    :meth:`write` answers False, with nothing written, when a daemon took the partition meanwhile:
    :meth:`take` it back and look again at what is there. The daemon then rewinds to its last commit.
    ``meta`` and ``windows`` are as stored.
    """

    def __init__(self, store: RedisStateStore, partition: int) -> None:
        self.partition = partition
        self.claim: Claim
        self.meta: dict[str, bytes]
        self.windows: dict[tuple[int, str], bytes]
        self._store = store
        self._fence = b""
        self.take()

    def take(self) -> None:
        """Become the only writer."""
        self.claim = self._claimed()
        self._fence = self.claim.fence
        self.meta = dict(self.claim.meta)
        self.windows = dict(self.claim.windows)

    def _claimed(self) -> Claim:
        for _ in range(RACES):
            try:
                return self._store.claim(self.partition, _fence())
            except Transient as error:  # a daemon claimed it in the same moment
                if error.reason is not Reason.CONFLICT:
                    raise
        return self._store.claim(self.partition, _fence())

    def write(self, commit: Commit) -> bool:
        """One atomic step; the commit's fences and offset are filled in here."""
        commit.expected, commit.fence, commit.offset = self._fence, _fence(), self.claim.offset
        if self._store.commit(self.partition, commit) is CommitResult.FENCED:
            return False
        self._fence = commit.fence
        self.meta.update(commit.meta)
        self.windows.update(commit.windows)
        for window in commit.closed:
            self.windows.pop(window, None)
        return True


def sliced(items: Iterable[T]) -> Iterator[list[T]]:
    """In commits of :data:`ROWS`."""
    rest = iter(items)
    while few := list(islice(rest, ROWS)):
        yield few


def _fence() -> bytes:
    return secrets.token_hex(12).encode()
