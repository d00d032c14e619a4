"""What a backfill has built goes into the store of the daemon, behind the same fence."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

from domain.errors import Reason, Refused
from monitor.baseline.partition import PartitionState
from monitor.checkpoint.base import NO_OFFSET, Claim, Commit, CommitResult, StateStore

ROWS: Final = 2_000
"""Rows a commit: some 10 ms of a Redis that serves a daemon too."""
K = TypeVar("K")


def write(store: StateStore, part: PartitionState, offset: int) -> Iterator[int]:
    """Store a partition that nobody has begun; yields the rows written by each commit.

    ``offset`` is where the daemon shall begin, ``NO_OFFSET`` for the earliest record. That and the
    watermark come last: until then the partition counts as not begun, and another run may repeat all.
    Raises ``Refused`` when it has state already, or when a daemon took it meanwhile.
    """
    claim = store.claim(part.number, _fence())
    if begun(claim):
        raise already_begun(store.topic, part.number)
    fence = claim.fence
    whole = part.to_commit(fence)
    for commit in _commits(whole, offset):
        commit.expected, commit.fence = fence, _fence()
        if store.commit(part.number, commit) is CommitResult.FENCED:
            raise _taken(store.topic, part.number)
        fence = commit.fence
        yield len(commit.profiles) + len(commit.windows)


def begun(claim: Claim) -> bool:
    """Whether a daemon has committed to the partition, or a backfill was completed."""
    return claim.offset != NO_OFFSET or "watermark_ms" in claim.meta


def _commits(whole: Commit, offset: int) -> Iterator[Commit]:
    for rows in _sliced(whole.profiles):
        yield Commit(b"", b"", NO_OFFSET, profiles=rows)
    for windows in _sliced(whole.windows):
        yield Commit(b"", b"", NO_OFFSET, windows=windows)
    yield Commit(b"", b"", offset, meta=whole.meta, samples=whole.samples)


def _sliced(rows: Mapping[K, bytes]) -> Iterator[dict[K, bytes]]:
    items = iter(rows.items())
    while few := dict(islice(items, ROWS)):
        yield few


def already_begun(topic: str, partition: int) -> Refused:
    """The partition has a baseline of its own."""
    return Refused(
        Reason.ILLEGAL_STATE,
        f"partition {partition} of {topic} has a baseline already, and history cannot be put before it. "
        "Backfill before the first `keywatch run`; to begin anew, stop keywatch and delete the Redis keys "
        f"kw:{{{topic}:{partition}}}:*",
    )


def _taken(topic: str, partition: int) -> Refused:
    return Refused(
        Reason.CONFLICT,
        f"a daemon took partition {partition} of {topic} while its history was being written: stop keywatch, "
        f"delete the Redis keys kw:{{{topic}:{partition}}}:* and backfill again",
    )


def _fence() -> bytes:
    return secrets.token_hex(12).encode()
