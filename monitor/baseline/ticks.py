"""Counting a key's ticks of ten minutes: every closed window counts; a tick under a hold is not learned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.ticks import TICK_MIN, learn, start
from monitor.baseline.slots import put

Rows = npt.NDArray[np.void]


def count_ticks(profiles: Rows, windows: Rows, minute: int, held: npt.NDArray[np.bool_]) -> None:
    """Add ``windows`` (n,), all of ``minute``, to their ``profiles`` (n,) in place; minutes must not fall.

    ``held`` (n,): keys whose ticks must not teach now.
    """
    tick = minute // TICK_MIN
    rows = np.flatnonzero(profiles["tick"] < tick)
    if len(rows):
        turned = profiles.take(rows)
        learns = np.flatnonzero(~held[rows] & (turned["tick"] >= 0))
        learned = turned.take(learns)
        learn(learned)
        put(turned, learns, learned)
        start(turned, tick)
        put(profiles, rows, turned)
    profiles["tick_count"] += windows["count"]
