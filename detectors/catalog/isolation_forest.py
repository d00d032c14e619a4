"""A window that differs from what its key does in several ways at once.

Meaning: an IsolationForest over the window's twelve features, each as deviation from the key's own
habit; bits from the rank among training scores. It catches what no single detector looks at: another
client on other endpoints with more errors. Not ready without a forest, for windows of fewer than 5
requests and for keys of fewer than 60 windows.

Cost: about 0.4 ms a call and 16 us a row (100 trees), so only rows with at least one
deviation of 3 are scored; the rest get 0. Source: Liu, Ting & Zhou (2008), scikit-learn.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from detectors.base import MAX_BITS, Bits, Windows
from detectors.features import NAMES, deviation, normalised, ready
from detectors.forest import Forest
from domain.finding import Evidence, Kind

UNREMARKABLE: Final = 3.0
"""A window with no deviation this large is not scored: it cannot be one the forest isolates early."""
LOGARITHMIC: Final = (0, 1, 2, 3, 9)
"""Features that are log(1 + x); shown as x."""
SHOWN: Final = 3


class IsolationForestDetector:
    """Scores closing windows in one batch."""

    name: ClassVar[str] = "isolation_forest"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def __init__(self, forest: Forest | None = None) -> None:
        self._forest = forest

    def with_forest(self, forest: Forest) -> IsolationForestDetector:
        """The same detector with another forest."""
        return IsolationForestDetector(forest)

    def score(self, windows: Windows) -> Bits:
        bits = np.full(len(windows), np.nan)
        rows = np.flatnonzero(ready(windows.profile, windows.count))
        if self._forest is None or not len(rows):
            return bits
        profile = windows.profile[rows]
        z = normalised(windows.features[rows], profile)
        bits[rows] = 0.0
        odd = np.flatnonzero(np.abs(z).max(axis=1) >= UNREMARKABLE)
        bits[rows[odd]] = np.minimum(self._forest.bits(z[odd]), MAX_BITS)
        return bits

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        profile, raw = windows.profile[i : i + 1], windows.features[i : i + 1]
        z, spread = normalised(raw, profile)[0], deviation(profile)[0]
        mean = profile["feature_mean"][0]
        strongest = np.argsort(-np.abs(z), kind="stable")[:SHOWN]
        bits = float(self.score(windows)[i])
        return [_line(int(j), mean, spread, raw[0], z, bits) for j in strongest]


def _line(
    j: int,
    mean: npt.NDArray[np.float32],
    spread: npt.NDArray[np.float32],
    raw: npt.NDArray[np.float32],
    z: npt.NDArray[np.float32],
    bits: float,
) -> Evidence:
    """Feature ``j`` in its natural unit; bits shared out by squared deviation."""
    low, high = _natural(j, mean[j] - 2 * spread[j]), _natural(j, mean[j] + 2 * spread[j])
    part = bits * float(z[j] ** 2) / max(float((z**2).sum()), 1e-9)
    return Evidence(what=NAMES[j], expected=f"{low} to {high}", actual=_natural(j, raw[j]), bits=part)


def _natural(j: int, value: float) -> str:
    if j in LOGARITHMIC:
        return f"{max(float(np.expm1(value)), 0.0):,.0f}"
    return f"{min(max(float(value), 0.0), 1.0):.0%}"
