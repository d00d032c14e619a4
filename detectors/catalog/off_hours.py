"""A key is used at an hour at which it never is.

Meaning: bits = -log2 of the chance of a request in this minute, after all the minutes of this hour of the
day (with its neighbours, as daylight saving moves habits by one, on working days or on weekends alike) that
were silent: (0 + 1/2) / (minutes + 1).
Any activity ever seen in those hours silences it, so keys without a rhythm are never judged.
Cost: about 2 us a window. Not ready before three days.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.novelty import UNSEEN
from detectors.rates import hour_of_week
from domain.finding import Evidence, Kind

LEAST_DAYS: Final = 3
LEAST_HOURS: Final = 6
"""Two days of three hours: the first weekend says nothing yet."""
WEEKEND: Final = 120
"""The hour of the week at which Saturday begins (UTC)."""
SILENT: Final = 0.3
"""log2(1 + requests): a level below a quarter of a request an hour."""
MOST_BITS: Final = 14.0


class OffHours:
    """Scores closing windows."""

    name: ClassVar[str] = "off_hours"
    kind: ClassVar[Kind] = Kind.TIMING
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        hours = silent_hours(windows)
        bits = np.minimum(-np.log2(UNSEEN / (hours * 60.0 + 1.0)), MOST_BITS)
        days = (windows.minute - windows.profile["first_ms"] // 60_000) / 1440
        known = (days >= LEAST_DAYS) & (windows.profile["windows"] > 0)
        return np.where(known, np.where(hours >= LEAST_HOURS, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        hour = int(hour_of_week(windows.minute[i : i + 1])[0]) % 24
        hours = float(silent_hours(windows)[i])
        expected = f"silence: {hours:.0f} such hours without a request"
        bits = float(self.score(windows)[i])
        return [
            Evidence(
                what=f"hour of the day ({hour:02d}:00 UTC)", expected=expected, actual="in use", bits=bits
            )
        ]


def silent_hours(windows: Windows) -> Bits:
    """Hours (n,) seen around this hour of the day, if all of them were silent; else 0."""
    weekly = hour_of_week(windows.minute)
    around = (weekly[:, None] + np.array([-1, 0, 1])) % 168
    slots = (around[:, :, None] + 24 * np.arange(7)).reshape(len(weekly), 21) % 168
    rows = np.arange(len(weekly))[:, None]
    seen = windows.profile["hour_weeks"][rows, slots].astype(np.float64)
    seen *= (slots >= WEEKEND) == (weekly >= WEEKEND)[:, None]
    busy = (windows.profile["hour_level"][rows, slots] > SILENT) & (seen > 0)
    return np.where(busy.any(axis=1), 0.0, seen.sum(axis=1))
