"""A key is used from a country or network operator it has never been used from.

Meaning: bits = -log2 P(this key meets this country and operator next). P is the key's own habit of
meeting new ones (Good-Turing: the share of its windows that brought something new) times how common
the new one is among all keys. A new country at a known operator (a cloud's new region) is judged by
the operator: that is how honest services move. Distance from established places adds what it tells.

Cost: O(n x slots), about 1 us a sight. Sources: Good (1953); popularity weighing as in Freeman et al.
(2016) and the das-group/rba-algorithm.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import MAX_BITS, Bits, Rows, Sights
from detectors.great_circle import great_circle_km
from detectors.novelty import habit_bits, is_new, rarity_bits, ready, usual
from domain.finding import Evidence, Kind
from domain.network import unpack_country
from domain.profile import asn_bin

NEAR_KM: Final = 100.0
"""Databases place one network up to about 100 km apart on different days."""
REGION_DISCOUNT: Final = 0.35
"""Share of the country's bits that count when the operator is known: clouds have many regions."""


class GeoShift:
    """Scores first sights; not ready for keys younger than 6 hours or 30 windows."""

    name: ClassVar[str] = "geo_shift"
    kind: ClassVar[Kind] = Kind.ORIGIN

    def score(self, sights: Sights) -> Bits:
        profile = sights.profile
        new_country = is_new(profile, "country", sights.country) & (sights.country > 0)
        new_asn = is_new(profile, "asn", sights.asn) & (sights.asn > 0)
        country = habit_bits(profile, "country") + rarity_bits(sights.fleet, "country_keys", sights.country)
        operator = habit_bits(profile, "asn") + rarity_bits(sights.fleet, "asn_keys", asn_bin(sights.asn))
        moved = np.where(sights.asn > 0, np.where(new_asn, 1.0, REGION_DISCOUNT), 1.0)
        bits = np.where(new_country, country * moved, 0.0)
        # the operator follows from the country in part: half its own bits on top, not all
        bits += np.where(new_asn, np.where(new_country, 0.5, 0.6) * operator, 0.0)
        bits += np.where(new_country & new_asn, distance_bits(distance_km(profile, sights)), 0.0)
        return np.where(ready(profile, sights.minute), np.minimum(bits, MAX_BITS), np.nan)

    def explain(self, sights: Sights, i: int) -> list[Evidence]:
        profile = sights.profile[i]
        bits = float(self.score(sights)[i])
        known = [unpack_country(c) for c, _ in usual(profile, "country")]
        operators = [f"AS{a}" for a, _ in usual(profile, "asn")]
        actual = f"{unpack_country(int(sights.country[i])) or 'unknown country'}, AS{int(sights.asn[i])}"
        km = float(distance_km(sights.profile, sights)[i])
        lines = [
            Evidence(
                what="country and operator", expected=", ".join(known + operators), actual=actual, bits=bits
            )
        ]
        if np.isfinite(km):
            far = float(distance_bits(np.array([km]))[0])
            expected = f"within {NEAR_KM:.0f} km of an established place"
            lines.append(Evidence(what="distance", expected=expected, actual=f"{km:,.0f} km", bits=far))
        return lines


def distance_km(profile: Rows, sights: Sights) -> Bits:
    """Great-circle distance to the nearest established place, NaN when either side is unknown."""
    km = great_circle_km(sights.lat[:, None], sights.lon[:, None], profile["place_lat"], profile["place_lon"])
    km = np.where(profile["place_weight"] > 0, km, np.inf).min(axis=1)
    return np.where(np.isfinite(km), km, np.nan)


def distance_bits(km: Bits) -> Bits:
    """0 within 100 km, one bit for each doubling beyond, at most 6 (half the globe)."""
    doublings = np.log2(np.maximum(np.where(np.isfinite(km), km, NEAR_KM), NEAR_KM) / NEAR_KM)
    return np.minimum(doublings, 6.0)
