"""A key is used from a network on one of the operator's lists (Tor, VPN, hosting) for the first time.

Meaning: bits = -log2 of the share of the key's windows that were on such a list, none so far
(Krichevsky & Trofimov), and of the share of keys that were ever used from that list, up to 6 bits: where half
of the keys work through VPNs, one more tells little, and Tor where nobody uses it tells much. A key that has
worked through a VPN before gets nothing. Needs `geoip.lists`;
without them it never speaks. Cost: about 0.1 us a sight.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from detectors.base import Bits, Sights
from detectors.novelty import UNSEEN, rarity_bits, ready
from domain.finding import Evidence, Kind
from domain.profile import LISTS_MAX

MOST_BITS: Final = 16.0
"""Of the key's own habit."""


class ListedNetwork:
    """Scores first sights; ``names`` are the lists in the order of their bits."""

    name: ClassVar[str] = "listed_network"
    kind: ClassVar[Kind] = Kind.ORIGIN

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._names = names

    def score(self, sights: Sights) -> Bits:
        fresh = sights.listed & ~sights.profile["listed"]
        rare = np.where(_flags(fresh), rarity_bits(sights.fleet, "listed_keys", np.arange(LISTS_MAX)), 0.0)
        windows = sights.profile["novel_windows"].astype(np.float64)
        bits = np.minimum(-np.log2(UNSEEN / (windows + 2 * UNSEEN)), MOST_BITS) + rare.max(axis=1)
        return np.where(ready(sights.profile, sights.minute), np.where(fresh > 0, bits, 0.0), np.nan)

    def explain(self, sights: Sights, i: int) -> list[Evidence]:
        fresh = int(sights.listed[i]) & ~int(sights.profile["listed"][i])
        named = [name for bit, name in enumerate(self._names) if fresh >> bit & 1]
        return [
            Evidence(
                what="network on a list",
                expected="none of: " + (", ".join(self._names) or "your lists"),
                actual=", ".join(named) or f"list {fresh:#x}",
                bits=float(self.score(sights)[i]),
            )
        ]


def _flags(listed: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Bits (n,) as columns (n, LISTS_MAX)."""
    return np.unpackbits(listed[:, None], axis=1, bitorder="little").astype(bool)
