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
MOST_BITS: Final = 20.0
FARTHEST: Final = 8
_SHIFTS: Final = range(1 - FARTHEST, FARTHEST)


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
    weekly = hour_of_week(windows.minute)
    rows = np.arange(len(weekly))[:, None]
    slots = (weekly[:, None] + 24 * np.arange(7)) % 168
    seen, away = np.zeros(len(weekly)), np.full(len(weekly), FARTHEST, np.float64)
    for shift in _SHIFTS:
        at = (slots + shift) % 168
        weeks = windows.profile["hour_weeks"][rows, at].astype(np.float64)
        weeks *= (at >= WEEKEND) == (weekly >= WEEKEND)[:, None]
        busy = ((windows.profile["hour_level"][rows, at] > SILENT) & (weeks > 0)).any(axis=1)
        away = np.where(busy, np.minimum(away, abs(shift)), away)
        if abs(shift) <= 1:
            seen += weeks.sum(axis=1)
    return np.where(away <= 1, 0.0, seen), away
