"""A key calls endpoints it does not call, or in another mix.

Meaning: the larger of two surprises. *Unused*: at least a fifth of the window's requests go to endpoint
bins with under 0.05 % of the key's requests, weighed by how often its windows do that. *Mix*: the
Jensen-Shannon divergence from the key's usual mix, Student t around the key's own habit. Endpoints share
32 bins, so one new endpoint in a few falls on a used bin and is missed.
Cost: about 3 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.features import raw_features
from detectors.habit import feature_bits
from detectors.novelty import UNUSED_SHARE, habit_bits
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind

DIVERGENCE: Final = 8
LEAST_SHARE: Final = 0.2
LEAST_REQUESTS: Final = 5
MOST_BITS: Final = 16.0


class EndpointMix:
    """Scores closing windows."""

    name: ClassVar[str] = "endpoint_mix"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        share = _unused(windows)
        unused = (share >= LEAST_SHARE) & (share * windows.count >= LEAST_REQUESTS)
        bits = np.where(unused, habit_bits(windows.profile, "endpoint"), 0.0)
        raw = raw_features(windows.window, windows.profile)[:, DIVERGENCE]
        mix = np.where(windows.count >= LEAST_REQUESTS, feature_bits(windows.profile, DIVERGENCE, raw), 0.0)
        known = windows.profile["windows"] >= MIN_WINDOWS
        return np.where(known, np.minimum(np.maximum(bits, mix), MOST_BITS), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        share = float(_unused(windows)[i])
        bits = float(self.score(windows)[i])
        actual = f"{share:.0%} of requests to endpoints it does not call"
        if share < LEAST_SHARE:
            actual = "its endpoints in another mix"
        return [Evidence(what="endpoints", expected="the key's usual mix", actual=actual, bits=bits)]


def _unused(windows: Windows) -> Bits:
    """Share (n,) of requests to endpoint bins the key does not use."""
    counts = windows.window["endpoint"].astype(np.float64)
    fresh = np.where(windows.profile["endpoint_share"] < UNUSED_SHARE, counts, 0.0)
    share: Bits = fresh.sum(axis=1) / np.maximum(counts.sum(axis=1), 1.0)
    return share
