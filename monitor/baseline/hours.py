"""Requests of each of a key's last 24 hours: for people, who judge a spike by what was before it.

Every closed window counts, also one that must not teach. An hour is exact until it is over and then kept
as log2(1 + requests) in half precision, to about 1 %.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]

HOURS: Final = 24


def count_hours(profiles: Rows, windows: Rows, minute: int) -> None:
    """Add ``windows`` (n,), all of ``minute``, to their ``profiles`` (n,) in place; minutes must not fall."""
    hour = minute // 60
    behind = np.flatnonzero(profiles["hours_last"] < hour)
    if len(behind):
        _turn(profiles, behind, hour)
    profiles["hours_count"] += np.where(profiles["hours_last"] == hour, windows["count"], 0)


def _turn(profiles: Rows, rows: Ints, hour: int) -> None:
    """Keep the hour that is over, and 0 for those in which nothing came; hours before the first stay NaN."""
    levels, last = profiles["hours_level"][rows], profiles["hours_last"][rows].astype(np.int64)
    known = last >= 0
    over = np.log2(1.0 + profiles["hours_count"][rows].astype(np.float64))
    at = np.flatnonzero(known)
    levels[at, last[at] % HOURS] = over[at]
    longest = hour - int(last[known].min()) if known.any() else 0
    for ago in range(1, min(HOURS, longest)):
        silent = np.flatnonzero(known & (last < hour - ago))
        levels[silent, (hour - ago) % HOURS] = 0.0
    profiles["hours_level"][rows] = levels
    profiles["hours_last"][rows] = hour
    profiles["hours_count"][rows] = 0


def requests_in(row: np.void, hour: int) -> float | None:
    """Requests in an hour (since the epoch) by a profile row; None when nothing is kept of it."""
    last = int(row["hours_last"])
    if last < 0 or hour <= last - HOURS:
        return None
    if hour >= last:
        return float(row["hours_count"]) if hour == last else 0.0
    level = float(row["hours_level"][hour % HOURS])
    return None if np.isnan(level) else round(2.0**level - 1.0)
