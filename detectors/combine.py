r"""Findings of a key to one score and one risk.

Calibration says how rare a claim is (its weight, `detectors.calibrate`); what it is *worth* is how much
oftener thieves bring it than owners do, and rare things that honest bursts bring together are worth less
than their rarity. So each detector's weight is turned into evidence by a concave-or-not, never falling line
of three pieces, with slopes fitted to labelled streams:

    evidence = sum over pieces (0-6, 6-12, 12-24 bits of weight) of slope * bits of the weight in the piece

Kinds add up, findings of one kind do not: of each kind the strongest evidence counts.

    score = sum over kinds of evidence
    risk  = 1 / (1 + 2^(16 - sum over kinds of min(evidence, 20)))

The slopes are those of a logistic regression of stolen against honest key-days on the kinds' strongest
evidence (never negative, drawn towards 0.7, 0.35, 0.175 where streams say little), times 3.5: so scaled,
about five honest days in a thousand reach 14.4 and one reaches 18. `python -m benchmarks.evidence` fits them
again. One kind alone gives a risk of at most 0.94: enough to alert; a suspension asks for two kinds.
Source: log likelihood ratios as weights of evidence (Good, 1950); evidence of several detectors by logistic
regression, as in speaker recognition (Brummer & du Preez, 2006).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from domain.finding import Kind

PRIOR_BITS: Final = 16.0
KIND_CAP_BITS: Final = 20.0
PIECES: Final = ((0.0, 6.0), (6.0, 12.0), (12.0, 24.0))
"""Where each piece of a detector's line starts and ends, in bits of weight."""
WORTH: Final[Mapping[str, tuple[float, float, float]]] = {
    "geo_shift": (1.34, 1.40, 0.20),
    "ip_shift": (0.38, 0.08, 0.10),
    "volume": (0.69, 2.09, 0.00),
    "isolation_forest": (0.00, 0.29, 0.28),
    "impossible_travel": (0.49, 0.16, 0.14),
    "listed_network": (1.47, 1.12, 0.40),
    "shared_origin": (1.18, 0.83, 1.03),
    "client_change": (0.79, 0.82, 0.59),
    "endpoint_mix": (0.75, 1.61, 0.91),
    "method_shift": (1.61, 1.26, 1.23),
    "enumeration": (0.70, 0.35, 0.18),
    "error_surge": (1.66, 1.30, 0.69),
    "exfiltration": (1.49, 1.14, 0.25),
    "off_hours": (1.17, 1.14, 0.00),
    "dormant_key": (0.82, 0.47, 0.26),
    "robotic": (0.11, 0.00, 0.04),
    "slow_ramp": (0.29, 1.40, 1.13),
    "takeover": (0.70, 0.35, 0.26),
    "probing": (1.36, 0.71, 0.33),
    "pattern": (0.30, 0.70, 0.30),
}
"""Detector -> evidence of each bit of weight in each piece, fitted on the corpora of seeds 101 to 106.

The last pieces of `geo_shift` and `listed_network` were fitted as 0, for travellers in their first days, and
are set by hand (on seed 101): a country that is rarer still must not rank the same. Those of `pattern` were
chosen by hand among six, on seed 101."""


def evidence_of(detector: str, weight: float) -> float:
    """What a claim of ``weight`` bits is worth, never less than a smaller one; proof is worth its weight.

    >>> evidence_of("geo_shift", 10.0) > evidence_of("ip_shift", 10.0) > 0.0
    True
    """
    if detector not in WORTH:
        return weight
    pieces = zip(WORTH[detector], PIECES, strict=True)
    return sum(slope * (min(max(weight, start), end) - start) for slope, (start, end) in pieces)


def score_of(contributions: Mapping[str, float]) -> float:
    """The sum of the kinds' evidence.

    >>> score_of({"origin": 31.0, "volume": 6.5})
    37.5
    """
    return round(sum(contributions.values()), 2)


def risk_of(contributions: Mapping[str, float]) -> float:
    """Risk in [0, 1] from the evidence of each kind, at most 20 of one; proof (``certain``) is 1.

    >>> risk_of({"origin": 20.0}), risk_of({"origin": 14.0, "volume": 16.0}), risk_of({"certain": 56.0})
    (0.9412, 0.9999, 1.0)
    """
    if contributions.get(Kind.CERTAIN.value, 0.0) > 0:
        return 1.0
    capped = sum(min(evidence, KIND_CAP_BITS) for evidence in contributions.values())
    return round(1.0 / (1.0 + math.pow(2.0, PRIOR_BITS - capped)), 4)
