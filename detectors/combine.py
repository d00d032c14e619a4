r"""Findings of a key to one score and one risk.

Calibration says how rare a claim is (its weight, `detectors.calibrate`); what it is *worth* is how much
oftener thieves bring it than owners do, and rare things that honest bursts bring together are worth less
than their rarity. So each detector's weight is turned into evidence by a concave-or-not, never falling line
of three pieces, with slopes fitted to labelled streams:

    evidence = sum over pieces (0-8, 8-16, 16-24 bits of weight) of slope * bits of the weight in the piece

Kinds add up, findings of one kind do not: of each kind the strongest evidence counts.

    score = sum over kinds of evidence
    risk  = 1 / (1 + 2^(16 - sum over kinds of min(evidence, 20)))

The slopes are those of a logistic regression of stolen against honest key-days on the kinds' strongest
evidence (never negative, drawn towards 0.7, 0.35, 0.175 where streams say little), times 3.5: so scaled,
about five honest days in a thousand reach 15 and one reaches 20. `python -m benchmarks.evidence` fits them
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
PIECE_BITS: Final = 8.0
"""Width of a piece of a detector's line, in bits of weight."""
WORTH: Final[Mapping[str, tuple[float, float, float]]] = {
    "geo_shift": (1.74, 0.54, 0.00),
    "ip_shift": (0.53, 0.04, 0.00),
    "volume": (1.18, 0.31, 0.00),
    "isolation_forest": (0.15, 0.69, 0.17),
    "impossible_travel": (0.54, 0.25, 0.18),
    "listed_network": (1.52, 0.53, 0.10),
    "shared_origin": (1.33, 0.97, 0.67),
    "client_change": (0.92, 0.90, 0.23),
    "endpoint_mix": (1.22, 1.52, 0.36),
    "method_shift": (1.84, 1.46, 0.52),
    "enumeration": (0.70, 0.35, 0.17),
    "error_surge": (1.82, 1.03, 0.33),
    "exfiltration": (1.65, 0.71, 0.03),
    "off_hours": (1.32, 0.10, 0.54),
    "dormant_key": (0.83, 0.46, 0.18),
    "robotic": (0.22, 0.04, 0.39),
    "slow_ramp": (0.46, 1.47, 0.84),
    "takeover": (0.69, 0.34, 0.21),
    "probing": (1.68, 0.00, 0.65),
}
"""Detector -> evidence of each bit of weight in each piece, fitted on the corpora of seeds 101 to 106."""


def evidence_of(detector: str, weight: float) -> float:
    """What a claim of ``weight`` bits is worth, never less than a smaller one; proof is worth its weight.

    >>> evidence_of("geo_shift", 10.0) > evidence_of("ip_shift", 10.0) > 0.0
    True
    """
    if detector not in WORTH:
        return weight
    pieces = enumerate(WORTH[detector])
    return sum(slope * min(max(weight - i * PIECE_BITS, 0.0), PIECE_BITS) for i, slope in pieces)


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
