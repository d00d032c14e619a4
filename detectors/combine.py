r"""Findings of a key to one score and one risk.

Theft is rare: prior odds of 2^-16 that a key is stolen in a given hour. Each kind of evidence gives a
likelihood ratio: the weight that calibration leaves of its bits (`detectors.calibrate`: about bits - 4, as
a thief shows it in one case of sixteen, and less where this platform's honest keys show it too), at most
20. Kinds are taken as independent, findings of one kind are not: only the strongest counts.

    score = sum over kinds of min(weight, 20),    risk = 1 / (1 + 2^(16 - score))

So one kind alone gives at most 0.94: enough to alert, and policy asks two kinds for a suspension.
Source: Bayes' rule in bits (Good, 1950, "Probability and the Weighing of Evidence").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from domain.finding import Kind

PRIOR_BITS: Final = 16.0
KIND_CAP_BITS: Final = 20.0


def score_of(contributions: Mapping[str, float]) -> float:
    """The sum of the kinds' weights in bits, each at most 20.

    >>> score_of({"origin": 31.0, "volume": 6.5})
    26.5
    """
    return round(sum(min(weight, KIND_CAP_BITS) for weight in contributions.values()), 2)


def risk_of(contributions: Mapping[str, float]) -> float:
    """Risk in [0, 1] from the weight of each kind; proof (``certain``) is 1.

    >>> risk_of({"origin": 20.0}), risk_of({"origin": 14.0, "volume": 16.0}), risk_of({"certain": 56.0})
    (0.9412, 0.9999, 1.0)
    """
    if contributions.get(Kind.CERTAIN.value, 0.0) > 0:
        return 1.0
    return round(1.0 / (1.0 + math.pow(2.0, PRIOR_BITS - score_of(contributions))), 4)
