"""A key that has long been silent is used again.

Meaning: silences of a key are taken as Pareto around the longest it ever came back from (two days at the
least): 6 bits at twice that, two more for each doubling, at most 16. A monthly batch job is silent for a
month, comes back, and is never surprising again.
Cost: about 0.1 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind

LEAST_USUAL_MIN: Final = 2 * 1440.0
AT_TWICE_BITS: Final = 6.0
MOST_BITS: Final = 16.0


class DormantKey:
    """Scores closing windows."""

    name: ClassVar[str] = "dormant_key"
    kind: ClassVar[Kind] = Kind.TIMING
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        silence, usual = _silence(windows)
        doublings = np.log2(np.maximum(silence, 1.0) / (2 * usual))
        bits = np.where(doublings >= 0, np.minimum(AT_TWICE_BITS + 2 * doublings, MOST_BITS), 0.0)
        return np.where(windows.profile["windows"] >= MIN_WINDOWS, bits, np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        silence, usual = _silence(windows)
        return [
            Evidence(
                what="silence before this use",
                expected=f"at most {usual[i] / 1440:.1f} days",
                actual=f"{silence[i] / 1440:.1f} days",
                bits=float(self.score(windows)[i]),
            )
        ]


def _silence(windows: Windows) -> tuple[Bits, Bits]:
    """Minutes (n,) since the key was last used, and the longest it came back from."""
    silence = windows.minute - windows.profile["last_ms"] / 60_000
    return silence, np.maximum(windows.profile["longest_gap"].astype(np.float64), LEAST_USUAL_MIN)
