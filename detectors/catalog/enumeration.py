"""A key walks through object ids: it asks for far more different objects, or for new ones, than it ever did.

Meaning: the larger of two surprises. *Different*: the share of different paths among a window's requests,
Student t around the key's habit; at least 30 of them, and a share at least 0.3 above the usual. *New*:
objects of about an hour that the key has never asked for (`detectors.objects`), as a negative binomial tail
around its habit of asking for new ones; from twelve on, and only in a minute that keeps up the hour's pace.
Broken object level authorisation (OWASP API1) is found this way even when every answer is 200. A key that
always asks for new and different objects cannot be judged by this; `error_surge` sees it when ids miss.
Cost: about 5 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy.special import betainc

from detectors.base import MAX_BITS, Bits, Windows
from detectors.features import objects
from detectors.habit import feature_bits
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind

OBJECT_SHARE: Final = 12
LEAST_OBJECTS: Final = 30.0
LEAST_RISE: Final = 0.3
MOST_BITS: Final = 18.0
"""Of different objects."""
HOUR_MIN: Final = 60.0
LEAST_NEW: Final = 12.0
LEAST_SHARE: Final = 0.01
"""Requests for new objects of a key that never asked for one."""
LEAST_MEAN: Final = 1.0
SHAPE: Final = 2.0


class Enumeration:
    """Scores closing windows."""

    name: ClassVar[str] = "enumeration"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        bits = np.maximum(_different(windows), _new(windows))
        return np.where(windows.profile["windows"] >= MIN_WINDOWS, bits, np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        usual = float(windows.profile["feature_mean"][i, OBJECT_SHARE])
        new, mean = _hour(windows)
        lines = [
            Evidence(
                what="different objects",
                expected=f"about {usual:.0%} of {int(windows.count[i])} requests",
                actual=f"{float(objects(windows.window[i : i + 1])[0]):.0f}",
                bits=float(_different(windows)[i]),
            ),
            Evidence(
                what="objects of an hour that it never asked for",
                expected=f"about {mean[i]:.0f}",
                actual=f"{new[i]:.0f}",
                bits=float(_new(windows)[i]),
            ),
        ]
        return sorted((line for line in lines if line.bits > 0), key=lambda line: -line.bits) or lines[:1]


def _different(windows: Windows) -> Bits:
    share = windows.features[:, OBJECT_SHARE]
    usual = windows.profile["feature_mean"][:, OBJECT_SHARE]
    walks = (objects(windows.window) >= LEAST_OBJECTS) & (share >= usual + LEAST_RISE)
    return np.where(walks, np.minimum(feature_bits(windows.profile, OBJECT_SHARE, share), MOST_BITS), 0.0)


def _new(windows: Windows) -> Bits:
    new, mean = _hour(windows)
    tail = betainc(np.maximum(new, 1.0), SHAPE, mean / (mean + SHAPE))
    bits = np.clip(-np.log2(np.maximum(tail, 2.0**-MAX_BITS)), 0.0, MAX_BITS)
    goes_on = windows.new_objects >= np.maximum(new / HOUR_MIN, 1.0)
    return np.where(goes_on & (new >= LEAST_NEW), bits, 0.0)


def _hour(windows: Windows) -> tuple[Bits, Bits]:
    """Objects (n,) of about an hour that the key never asked for, and how many its habit leads to expect."""
    profile = windows.profile
    gap = np.maximum(windows.minute - profile["last_ms"] // 60_000, 0)
    fade = np.exp(-gap / HOUR_MIN)
    new = profile["new_objects_hour"] * fade + windows.new_objects
    requests = profile["requests_hour"] * fade + windows.count
    return new, np.maximum(requests * np.maximum(profile["novel_objects"], LEAST_SHARE), LEAST_MEAN)
