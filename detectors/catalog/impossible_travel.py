"""A key appears somewhere its last requests cannot have travelled from.

Meaning: the speed from where the key's last closed window was busiest, over the time since, beyond an
airliner's. Server-side keys live in several places at once, so it is silent within 500 km of *any*
established place, for keys with more than three of them, for a known network, and halved for a known
operator (carriers and satellites hop). Bits: 8 at 900 km/h, one more for each doubling, at most 14: a
database that misplaces one network looks the same. Cost: as `geo_shift`.

Sources: thresholds of Panther (900 km/h) and Elastic (800 km/h, 500 km).
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Sights
from detectors.catalog.geo_shift import distance_km
from detectors.great_circle import great_circle_km
from detectors.novelty import is_new, ready
from domain.finding import Evidence, Kind

AIRLINER_KMH: Final = 900.0
FAR_KM: Final = 500.0
MOST_PLACES: Final = 3
AT_AIRLINER_BITS: Final = 8.0
MOST_BITS: Final = 14.0
LEAST_HOURS: Final = 1 / 60


class ImpossibleTravel:
    """Scores first sights; not ready as `geo_shift`, nor where either place is unknown."""

    name: ClassVar[str] = "impossible_travel"
    kind: ClassVar[Kind] = Kind.ORIGIN

    def score(self, sights: Sights) -> Bits:
        profile = sights.profile
        speed = speed_kmh(sights)
        established = (profile["place_weight"] > 0).sum(axis=1)
        judged = (distance_km(profile, sights) > FAR_KM) & (established <= MOST_PLACES)
        judged &= is_new(profile, "prefix", sights.prefix)
        bits = AT_AIRLINER_BITS + np.log2(np.maximum(np.nan_to_num(speed), 1.0) / AIRLINER_KMH)
        bits = np.where(judged & (bits >= AT_AIRLINER_BITS), np.minimum(bits, MOST_BITS), 0.0)
        known_operator = (sights.asn > 0) & ~is_new(profile, "asn", sights.asn)
        bits = np.where(known_operator, bits / 2, bits)
        return np.where(ready(profile, sights.minute) & np.isfinite(speed), bits, np.nan)

    def explain(self, sights: Sights, i: int) -> list[Evidence]:
        actual = f"{speed_kmh(sights)[i]:,.0f} km/h from where it was last"
        expected = f"at most {AIRLINER_KMH:.0f} km/h"
        bits = float(self.score(sights)[i])
        return [Evidence(what="travel speed", expected=expected, actual=actual, bits=bits)]


def speed_kmh(sights: Sights) -> Bits:
    """Speed (n,) from the last closed window's busiest place, NaN when a place is unknown."""
    profile = sights.profile
    km = great_circle_km(sights.lat, sights.lon, profile["last_lat"], profile["last_lon"])
    hours = np.maximum((sights.minute * 60_000 - profile["last_ms"]) / 3_600_000, LEAST_HOURS)
    return km / hours
