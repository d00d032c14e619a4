"""A key's own hours: this hour of the day and its neighbours, on every day of the week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.rates import hour_of_week

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NearbyHours:
    """Hours of the week (n, 3, 7), by their distance of -1, 0 and 1 and by days from now.

    Neighbours count, as daylight saving and late starts move habits by an hour. ``weeks``: how often each
    was seen; ``level``: log2(1 + usual requests) in it.
    """

    at: Ints
    weeks: npt.NDArray[np.uint8]
    level: npt.NDArray[np.float32]

    def expected(self, *, highest: bool) -> Floats:
        """Requests a minute (n,) that these hours lead to expect at most or at least, 0 if none was seen.

        Of this weekday once they were seen twice, else of any weekday.
        """
        best = np.zeros(len(self.at))
        for part, least in ((np.s_[:, :, :], 1), (np.s_[:, :, :1], 2)):
            seen = self.weeks[part] >= least
            if highest:
                extreme = np.where(seen, self.level[part], 0.0).max(axis=(1, 2))
            else:
                extreme = np.where(seen, self.level[part], np.inf).min(axis=(1, 2))
            value = np.exp2(extreme.astype(np.float64)) - 1.0
            best = np.where(seen.any(axis=(1, 2)), value / 60.0, best)
        return best


def nearby_hours(profile: npt.NDArray[Any], minute: Ints) -> NearbyHours:
    """Of profiles (n,) at ``minute`` (n,)."""
    around = (hour_of_week(minute)[:, None] + np.array([-1, 0, 1])) % 168
    at = (around[:, :, None] + 24 * np.arange(7)) % 168
    rows = np.arange(len(at))[:, None, None]
    level = profile["hour_level"][rows, at].astype(np.float32)
    return NearbyHours(at, profile["hour_weeks"][rows, at], level)
