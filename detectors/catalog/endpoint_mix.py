"""A key calls endpoints it does not call, or in another mix.

Meaning: the larger of two surprises. *Never used*: the window has endpoint templates that the key has never
called, weighed by how often its windows do that, two bits more for each doubling of how many different ones
it has met within four hours of each other: a release brings few, who looks around brings many. *Mix*: the
Jensen-Shannon divergence from the key's usual mix, Student t around the key's own habit. Templates share
256 bits, so of a key that uses 26 endpoints one new one in ten is missed.
Cost: about 3 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from detectors.base import Bits, Windows
from detectors.endpoints import never_called
from detectors.habit import feature_bits
from detectors.novelty import habit_bits
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind
from domain.profile import bits_set

DIVERGENCE: Final = 8
LEAST_REQUESTS: Final = 5
MOST_BITS: Final = 20.0
DOUBLING_BITS: Final = 2.0
MOST_MIX_BITS: Final = 16.0


class EndpointMix:
    """Scores closing windows."""

    name: ClassVar[str] = "endpoint_mix"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        new = _never_used(windows)
        more = DOUBLING_BITS * np.log2(np.maximum(new, 1))
        bits = np.where(new > 0, habit_bits(windows.profile, "endpoint") + more, 0.0)
        raw = windows.features[:, DIVERGENCE]
        mix = np.where(windows.count >= LEAST_REQUESTS, feature_bits(windows.profile, DIVERGENCE, raw), 0.0)
        mix = np.minimum(mix, MOST_MIX_BITS)
        known = windows.profile["windows"] >= MIN_WINDOWS
        return np.where(known, np.minimum(np.maximum(bits, mix), MOST_BITS), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        new = int(_never_used(windows)[i])
        bits = float(self.score(windows)[i])
        actual = f"{new} endpoints it never called" if new else "its endpoints in another mix"
        return [Evidence(what="endpoints", expected="the key's usual mix", actual=actual, bits=bits)]


def _never_used(windows: Windows) -> npt.NDArray[np.int64]:
    """How many endpoint templates (n,) that the key never called it has met lately, if the window has one."""
    new, together = never_called(windows.window, windows.profile)
    return np.where(new.any(axis=1), bits_set(together), 0)
