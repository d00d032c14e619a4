"""A key is used from networks it does not know, or suddenly from many at once.

Meaning: the larger of two surprises. *New network*: the key's habit of meeting new /24 (/48) networks
times how many other keys use this one (a shared egress is no surprise). *Spread*: how many different
networks one minute brought, as a negative binomial tail around the key's usual number.
Cost: about 2 us a sight. A single new network of a known operator stays far below a finding.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy.special import betainc

from detectors.base import MAX_BITS, Bits, Sights
from detectors.novelty import habit_bits, is_new, rarity_bits, ready
from domain.finding import Evidence, Kind
from domain.network import unpack_prefix
from domain.profile import asn_bin, prefix_bin

KNOWN_OPERATOR: Final = 0.4
"""Share of a new network's bits that count when its operator is known to the key."""
MIN_SPREAD: Final = 6
"""Fewer networks a minute are ordinary failover."""
MIN_SIZE: Final = 0.5
"""Shape of the spread's gamma at the least: a tail no lighter than geometric."""


class IpShift:
    """Scores first sights; not ready for keys younger than 6 hours or 30 windows."""

    name: ClassVar[str] = "ip_shift"
    kind: ClassVar[Kind] = Kind.ORIGIN

    def score(self, sights: Sights) -> Bits:
        bits = np.maximum(new_network_bits(sights), spread_bits(sights))
        return np.where(ready(sights.profile, sights.minute), np.minimum(bits, MAX_BITS), np.nan)

    def explain(self, sights: Sights, i: int) -> list[Evidence]:
        mean = float(sights.profile["spread_mean"][i])
        lines = [
            Evidence(
                what="networks in one minute",
                expected=f"about {mean:.1f}",
                actual=str(int(sights.distinct[i])),
                bits=float(spread_bits(sights)[i]),
            ),
            Evidence(
                what="network",
                expected="one of the key's known networks",
                actual=unpack_prefix(int(sights.prefix[i])),
                bits=float(new_network_bits(sights)[i]),
            ),
        ]
        return sorted(lines, key=lambda line: -line.bits)


def new_network_bits(sights: Sights) -> Bits:
    """Surprise of the network itself; 0 for one the key knows."""
    profile = sights.profile
    known_operator = ~is_new(profile, "asn", sights.asn) & (sights.asn > 0)
    bits = habit_bits(profile, "prefix") + rarity_bits(sights.fleet, "prefix_keys", prefix_bin(sights.prefix))
    bits = np.where(known_operator, KNOWN_OPERATOR, 0.75) * bits
    # an operator that many keys use is a likely next one
    bits -= np.maximum(0.0, 6.0 - rarity_bits(sights.fleet, "asn_keys", asn_bin(sights.asn))) * 0.5
    return np.where(is_new(profile, "prefix", sights.prefix), np.maximum(bits, 0.0), 0.0)


def spread_bits(sights: Sights) -> Bits:
    """-log2 P(at least so many networks in a minute)."""
    mean = np.maximum(sights.profile["spread_mean"].astype(np.float64), 1.0)
    variance = np.maximum(sights.profile["spread_square"] - mean**2, 0.0)
    excess = np.maximum(variance - mean, mean * 0.25)
    size = np.maximum(mean**2 / excess, MIN_SIZE)
    tail = betainc(sights.distinct.astype(np.float64), size, mean / (mean + size))
    bits = -np.log2(np.maximum(tail, 2.0**-MAX_BITS))
    return np.where((sights.distinct >= MIN_SPREAD) & (sights.distinct >= 3 * mean), bits, 0.0)
