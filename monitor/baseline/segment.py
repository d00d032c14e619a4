"""Cutting a partition's events where its watermark enters a new minute.

Windows close, and so profiles change, only at these cuts. They depend on the records alone, never on
how polls or restarts batched them: that is what makes a run after a crash byte-equal to one without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.profile import WINDOW_MS


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows ``start:stop`` of a batch, all within one minute of the watermark."""

    start: int
    stop: int
    minute: int
    watermark_ms: int


def cut(ts_ms: npt.NDArray[np.int64], watermark_ms: int) -> Iterator[Piece]:
    """Pieces in order, given the watermark before the first row (the largest event time so far).

    >>> [(p.start, p.stop, p.minute) for p in cut(np.array([10, 60_001, 59_000, 60_002, 180_000]), 0)]
    [(0, 1, 0), (1, 4, 1), (4, 5, 3)]
    """
    if not len(ts_ms):
        return
    highest = np.maximum(np.maximum.accumulate(ts_ms), watermark_ms)
    minutes = highest // WINDOW_MS
    starts = np.concatenate(([0], np.flatnonzero(np.diff(minutes)) + 1))
    stops = np.append(starts[1:], len(ts_ms))
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        yield Piece(start, stop, int(minutes[start]), int(highest[stop - 1]))
