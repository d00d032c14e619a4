"""Requests come like a clockwork, of a key whose requests do not.

Meaning: bits = -log2 P(requests so evenly spread over the twelve parts of a minute, or more so), if they
came by chance: chi-square with 11 degrees of freedom. Only for keys that are usually uneven; a cron job
is a clockwork by nature. Weak on its own: at most 14 bits.
Cost: about 1 us a window. Not ready for keys of fewer than 60 windows, nor windows under 36 requests.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy.special import chdtr

from detectors.base import Bits, Windows
from detectors.features import irregularity
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind
from domain.profile import BEATS

IRREGULARITY: Final = 13
LEAST_REQUESTS: Final = 36
USUALLY_UNEVEN: Final = 0.5
MOST_BITS: Final = 14.0


class Robotic:
    """Scores closing windows."""

    name: ClassVar[str] = "robotic"
    kind: ClassVar[Kind] = Kind.TIMING
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        tail = chdtr(BEATS - 1, irregularity(windows.window) * (BEATS - 1))
        bits = np.minimum(-np.log2(np.maximum(tail, 2.0**-MOST_BITS)), MOST_BITS)
        judged = windows.profile["feature_mean"][:, IRREGULARITY] >= USUALLY_UNEVEN
        judged &= windows.count >= LEAST_REQUESTS
        known = windows.profile["windows"] >= MIN_WINDOWS
        return np.where(known, np.where(judged, np.maximum(bits, 0.0), 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        usual = float(windows.profile["feature_mean"][i, IRREGULARITY])
        now = float(irregularity(windows.window[i : i + 1])[0])
        return [
            Evidence(
                what="index of dispersion within the minute",
                expected=f"about {usual:.2f}",
                actual=f"{now:.2f} over {int(windows.count[i])} requests",
                bits=float(self.score(windows)[i]),
            )
        ]
