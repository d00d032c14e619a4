"""A key is refused more and more: probing with a stolen key, or walking through ids that miss.

Meaning: 401, 403, 404 and 429 answers of the minute so far, Student t in logarithms around the key's own
minutes (`detectors.surge`). At least 15 of them, and at least a fifth of the requests, so that a campaign
with its usual share of errors is silent. Scored on open windows, so it speaks within seconds.
Cost: about 2 us for each line crossed. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Surges
from detectors.surge import amount_bits, usual
from domain.finding import Evidence, Kind

LEAST_SHARE: Final = 0.2


class ErrorSurge:
    """Scores the amounts of open windows as they grow."""

    name: ClassVar[str] = "error_surge"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    measure: ClassVar[str] = "refused"
    least: ClassVar[float] = 15.0

    def score(self, surges: Surges) -> Bits:
        bits = amount_bits(surges.profile, self.measure, surges.amount)
        enough = surges.amount >= LEAST_SHARE * surges.count
        return np.where(np.isnan(bits) | enough, bits, 0.0)

    def explain(self, surges: Surges, i: int) -> list[Evidence]:
        mean, deviation = usual(surges.profile, self.measure)
        most = float(np.expm1(mean[i] + 2 * deviation[i]))
        return [
            Evidence(
                what="requests refused in a minute",
                expected=f"seldom over {most:,.0f}",
                actual=f"{surges.amount[i]:,.0f}",
                bits=float(self.score(surges)[i]),
            )
        ]
