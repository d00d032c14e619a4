"""A key is used at an hour at which it never is.

Meaning: bits = -log2 of the chance of a request in this minute, after all the minutes of this hour of the
day (with its neighbours, as daylight saving moves habits by one, on working days or on weekends alike) that
were silent: (0 + 1/2) / (minutes + 1); and one more for each further hour around it that is silent, so that
three in the morning says more than an hour after work. Any activity ever seen in the nearest hours silences
it, so keys without a rhythm are never judged. Cost: about 4 us a window. Not ready before three days.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from detectors.base import Bits, Rows, Windows
from detectors.novelty import UNSEEN
from detectors.rates import hour_of_week
from domain.finding import Evidence, Kind

Ints = npt.NDArray[np.int64]

LEAST_DAYS: Final = 3
LEAST_HOURS: Final = 6
"""Two days of three hours: the first weekend says nothing yet."""
WEEKEND: Final = 120
"""The hour of the week at which Saturday begins (UTC)."""
SILENT: Final = 0.3
"""log2(1 + requests): a level below a quarter of a request an hour."""
MOST_BITS: Final = 20.0
FARTHEST: Final = 8
_SHIFTS: Final = [shift for hours in range(2, FARTHEST) for shift in (-hours, hours)]


class OffHours:
    """Scores closing windows."""

    name: ClassVar[str] = "off_hours"
    kind: ClassVar[Kind] = Kind.TIMING
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        hours, away = silent_hours(windows)
        bits = np.minimum(-np.log2(UNSEEN / (hours * 60.0 + 1.0)) + away - 2.0, MOST_BITS)
        days = (windows.minute - windows.profile["first_ms"] // 60_000) / 1440
        known = (days >= LEAST_DAYS) & (windows.profile["windows"] > 0)
        return np.where(known, np.where(hours >= LEAST_HOURS, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        hour = int(hour_of_week(windows.minute[i : i + 1])[0]) % 24
        hours, away = silent_hours(windows)
        expected = f"silence: {hours[i]:.0f} such hours without a request, the nearest {away[i]:.0f} h away"
        bits = float(self.score(windows)[i])
        return [
            Evidence(
                what=f"hour of the day ({hour:02d}:00 UTC)", expected=expected, actual="in use", bits=bits
            )
        ]


def silent_hours(windows: Windows) -> tuple[Bits, Bits]:
    """Hours (n,) seen around this hour of the day, if all of them were silent, else 0; and how many hours
    away the nearest hour in use is (n,), at most ``FARTHEST``."""
    near, weekly = windows.hours, hour_of_week(windows.minute)
    weeks = near.weeks * ((near.at >= WEEKEND) == (weekly >= WEEKEND)[:, None, None])
    busy = ((near.level > SILENT) & (weeks > 0)).any(axis=2)
    away = np.where(busy[:, 1], 0.0, np.where(busy.any(axis=1), 1.0, FARTHEST))
    left = np.flatnonzero(away > 1)
    for shift in _SHIFTS:
        found = _in_use(windows.profile, left, weekly[left], shift)
        away[left[found]] = abs(shift)
        left = left[~found]  # the first in use is the nearest
        if not len(left):
            break
    return np.where(away <= 1, 0.0, weeks.sum(axis=(1, 2), dtype=np.float64)), away


def _in_use(profile: Rows, rows: Ints, weekly: Ints, shift: int) -> npt.NDArray[np.bool_]:
    """Whether the hour of the day ``shift`` hours from ``weekly`` (n,) is in use by ``rows`` (n,), on working
    days or on weekends alike."""
    at, rows = (weekly[:, None] + 24 * np.arange(7) + shift) % 168, rows[:, None]
    seen = (profile["hour_weeks"][rows, at] > 0) & ((at >= WEEKEND) == (weekly >= WEEKEND)[:, None])
    busy: npt.NDArray[np.bool_] = ((profile["hour_level"][rows, at] > SILENT) & seen).any(axis=1)
    return busy
