"""A key takes out far more data than it ever did.

Meaning: bytes sent out in the minute so far, Student t in logarithms around the key's own minutes
(`detectors.surge`), from a megabyte on. It counts as volume: more requests bring more bytes.
Scored on open windows. Cost: about 2 us for each line crossed. Not ready for keys of fewer than 60
windows.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.base import Bits, Surges
from detectors.surge import amount_bits, usual
from domain.finding import Evidence, Kind


class Exfiltration:
    """Scores the amounts of open windows as they grow."""

    name: ClassVar[str] = "exfiltration"
    kind: ClassVar[Kind] = Kind.VOLUME
    measure: ClassVar[str] = "bytes_out"
    least: ClassVar[float] = 1e6

    def score(self, surges: Surges) -> Bits:
        bits = amount_bits(surges.profile, self.measure, surges.amount)
        enough = surges.amount >= self.least
        return np.where(np.isnan(bits) | enough, bits, 0.0)

    def explain(self, surges: Surges, i: int) -> list[Evidence]:
        mean, deviation = usual(surges.profile, self.measure)
        most = float(np.expm1(mean[i] + 2 * deviation[i]))
        return [
            Evidence(
                what="bytes sent out in a minute",
                expected=f"seldom over {most:,.0f}",
                actual=f"{surges.amount[i]:,.0f}",
                bits=float(self.score(surges)[i]),
            )
        ]
