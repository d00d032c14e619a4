"""Many keys are suddenly used from one network that none of them knew: one thief, many keys.

Meaning: how many other keys met this network for the first time within about an hour, as a Poisson tail
around what such meetings usually are per network. Counted in the fleet's row, so over the keys of one
partition at once and over all partitions as their rows are read (a job, every few seconds). Colliding
hashes (2,048 bins) raise the mean they are judged against. Keys that meet new networks all the time
(telephones) neither count nor are judged.

Cost: about 1 us a sight. Not ready for keys younger than 6 hours.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy.special import pdtrc

from detectors.base import MAX_BITS, Bits, Sights
from detectors.novelty import is_new, ready, settled
from domain.finding import Evidence, Kind
from domain.network import unpack_prefix
from domain.profile import FLEET_PREFIX_BINS, prefix_bin

LEAST_KEYS: Final = 2.0
LEAST_MEAN: Final = 0.1
"""New networks met by chance in a bin and hour at the least: a small fleet proves little."""
MOST_BITS: Final = 22.0


class SharedOrigin:
    """Scores first sights of networks that are new to the key."""

    name: ClassVar[str] = "shared_origin"
    kind: ClassVar[Kind] = Kind.ORIGIN

    def score(self, sights: Sights) -> Bits:
        others, mean = _met(sights)
        tail = pdtrc(np.maximum(np.floor(others) - 1, 0), mean)
        bits = np.minimum(-np.log2(np.maximum(tail, 2.0**-MAX_BITS)), MOST_BITS)
        new = is_new(sights.profile, "prefix", sights.prefix) & settled(sights.profile)
        new &= others >= LEAST_KEYS
        return np.where(
            ready(sights.profile, sights.minute), np.where(new, np.maximum(bits, 0.0), 0.0), np.nan
        )

    def explain(self, sights: Sights, i: int) -> list[Evidence]:
        others, mean = _met(sights)
        return [
            Evidence(
                what=f"keys that newly came from {unpack_prefix(int(sights.prefix[i]))} within an hour",
                expected=f"about {mean:.1f}",
                actual=f"{others[i] + 1:.0f}",
                bits=float(self.score(sights)[i]),
            )
        ]


def _met(sights: Sights) -> tuple[Bits, float]:
    """Other keys (n,) that met each sight's network lately, and the usual number."""
    fresh = sights.fleet["prefix_fresh"].astype(np.float64)
    # the mean without the busiest bins: an attack must not raise what it is judged against
    quiet = np.minimum(fresh, LEAST_KEYS)
    return fresh[prefix_bin(sights.prefix)], max(float(quiet.sum()) / FLEET_PREFIX_BINS, LEAST_MEAN)
