"""A key walks through object ids: far more different objects a request than it ever asked for.

Meaning: the share of different paths among a window's requests, Student t around the key's habit; at
least 30 of them, and a share at least 0.3 above the usual. Broken object level authorisation (OWASP API1)
is found this way even when every answer is 200. A key that always asks for different objects cannot be
judged by this; `error_surge` sees it when ids miss.
Cost: about 3 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.features import objects
from detectors.habit import feature_bits
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind

OBJECT_SHARE: Final = 12
LEAST_OBJECTS: Final = 30.0
LEAST_RISE: Final = 0.3
MOST_BITS: Final = 18.0


class Enumeration:
    """Scores closing windows."""

    name: ClassVar[str] = "enumeration"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        share = windows.features[:, OBJECT_SHARE]
        usual = windows.profile["feature_mean"][:, OBJECT_SHARE]
        walks = (objects(windows.window) >= LEAST_OBJECTS) & (share >= usual + LEAST_RISE)
        bits = np.minimum(feature_bits(windows.profile, OBJECT_SHARE, share), MOST_BITS)
        known = windows.profile["windows"] >= MIN_WINDOWS
        return np.where(known, np.where(walks, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        usual = float(windows.profile["feature_mean"][i, OBJECT_SHARE])
        found = float(objects(windows.window[i : i + 1])[0])
        expected = f"about {usual:.0%} of {int(windows.count[i])} requests"
        bits = float(self.score(windows)[i])
        return [Evidence(what="different objects", expected=expected, actual=f"{found:.0f}", bits=bits)]
