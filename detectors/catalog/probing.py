"""A key is refused more often than its share, too slowly for any minute to be a surge.

Meaning: 401, 403, 404 and 429 answers of about an hour, as a negative binomial tail around the key's usual
share of the requests of that hour. A thief who tries doors patiently is found so. From five on, and only in
a minute that keeps up the hour's pace: who uses the key after a thief is not charged with what he tried.
Sources: an hour's memory as in CrowdSec's slow probing scenarios; gamma-Poisson model as in `volume`.
Cost: about 1 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy.special import betainc

from detectors.base import MAX_BITS, Bits, Windows
from detectors.surge import MIN_WINDOWS, surge_amounts
from domain.finding import Evidence, Kind

HOUR_MIN: Final = 60.0
LEAST: Final = 5.0
LEAST_MEAN: Final = 0.3
ORDINARY_SHARE: Final = 0.01
"""A key that was never refused may be once in a hundred requests: a batch job is no probing."""
SHAPE: Final = 1.0
REFUSED: Final = slice(2, 5)


class Probing:
    """Scores closing windows."""

    name: ClassVar[str] = "probing"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        refused, mean = _hour(windows)
        tail = betainc(np.maximum(refused, 1.0), SHAPE, mean / (mean + SHAPE))
        bits = np.clip(-np.log2(np.maximum(tail, 2.0**-MAX_BITS)), 0.0, MAX_BITS)
        known = windows.profile["windows"] >= MIN_WINDOWS
        goes_on = surge_amounts(windows.window)[:, 0] >= np.maximum(refused / HOUR_MIN, 1.0)
        return np.where(known, np.where(goes_on & (refused >= LEAST), bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        refused, mean = _hour(windows)
        return [
            Evidence(
                what="requests refused in an hour",
                expected=f"about {mean[i]:.1f}",
                actual=f"{refused[i]:.0f}",
                bits=float(self.score(windows)[i]),
            )
        ]


def _hour(windows: Windows) -> tuple[Bits, Bits]:
    """Refused answers (n,) of about an hour, and what the key's usual share of its requests would be."""
    profile = windows.profile
    gap = np.maximum(windows.minute - profile["last_ms"] // 60_000, 0)
    fade = np.exp(-gap / HOUR_MIN)
    refused = profile["refused_hour"] * fade + surge_amounts(windows.window)[:, 0]
    requests = profile["requests_hour"] * fade + windows.count
    share = profile["status_share"][:, REFUSED].sum(axis=1, dtype=np.float64)
    return refused, np.maximum(requests * np.maximum(share, ORDINARY_SHARE), LEAST_MEAN)
