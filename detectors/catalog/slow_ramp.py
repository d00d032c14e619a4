"""The use of a key grows hour by hour, too slowly for any one hour to be a spike.

Meaning: the cumulative sum of the key's busy hours above a frozen reference, see `detectors.ramp`; bits =
-log2 of the chance of so high a sum. Growth over weeks cannot teach the reference, which moves with a
memory of three months. Cost: about 0.1 us a window. Not ready before a week with 24 busy hours.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import MAX_BITS, Bits, Windows
from detectors.ramp import settled, spread, sum_bits
from domain.finding import Evidence, Kind

LEAST_FACTOR: Final = 1.0
"""log2: under twice the reference's hour, slow growth is a business."""


class SlowRamp:
    """Scores closing windows."""

    name: ClassVar[str] = "slow_ramp"
    kind: ClassVar[Kind] = Kind.VOLUME
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        profile = windows.profile
        bits = np.minimum(sum_bits(profile), MAX_BITS)
        risen = _last_hour(windows) - profile["reference_mean"] >= LEAST_FACTOR
        ready = settled(profile)
        return np.where(ready, np.where(risen, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        mean, wide = float(windows.profile["reference_mean"][i]), float(spread(windows.profile)[i])
        return [
            Evidence(
                what="busy hours above the key's reference, summed",
                expected=f"hours of {2 ** (mean - wide):,.0f} to {2 ** (mean + wide):,.0f} requests",
                actual=f"about {2 ** float(_last_hour(windows)[i]):,.0f} an hour, and rising",
                bits=float(self.score(windows)[i]),
            )
        ]


def _last_hour(windows: Windows) -> Bits:
    """log2(1 + requests) (n,) of about an hour: the decayed hourly rate."""
    level: Bits = np.log2(1.0 + windows.profile["rate_count"][:, 1].astype(np.float64))
    return level
