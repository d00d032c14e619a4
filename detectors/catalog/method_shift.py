"""A key that only reads begins to write.

Meaning: bits = -log2 of the chance of a first write after so many windows without one (Krichevsky &
Trofimov). Silent for keys whose requests were ever writes in more than one of a thousand.
Cost: about 0.1 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.novelty import UNSEEN
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind

READ_ONLY: Final = 0.001
MOST_BITS: Final = 16.0


class MethodShift:
    """Scores closing windows."""

    name: ClassVar[str] = "method_shift"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        seen = windows.profile["windows"].astype(np.float64)
        first = (windows.window["writes"] > 0) & (windows.profile["write_share"] < READ_ONLY)
        bits = np.minimum(-np.log2(UNSEEN / (seen + 2 * UNSEEN)), MOST_BITS)
        return np.where(seen >= MIN_WINDOWS, np.where(first, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        actual = f"{int(windows.window['writes'][i])} writes in a minute"
        bits = float(self.score(windows)[i])
        return [Evidence(what="method", expected="reads only", actual=actual, bits=bits)]
