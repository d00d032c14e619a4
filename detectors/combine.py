r"""Findings of a key to one risk.

Theft is rare: prior odds of 2^-16 that a key is stolen in a given hour. Each kind of evidence gives a
likelihood ratio: it has probability 2^-bits under the key's own behaviour, and at least 2^-4 under a
thief's. Kinds are taken as independent, findings of one kind are not: only the strongest counts.

    log2 odds = -16 + sum over kinds of max(0, min(bits, 24) - 4),    risk = 1 / (1 + 2^-(log2 odds))

So one kind alone gives at most 0.94: enough to alert, and policy asks two kinds for a suspension.
Source: Bayes' rule in bits (Good, 1950, "Probability and the Weighing of Evidence").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from domain.finding import Kind

PRIOR_BITS: Final = 16.0
THIEF_BITS: Final = 4.0
KIND_CAP_BITS: Final = 24.0


def risk_of(contributions: Mapping[str, float]) -> float:
    """Risk in [0, 1] from the strongest bits of each kind; proof (``certain``) is 1.

    >>> risk_of({"origin": 24.0}), risk_of({"origin": 18.0, "volume": 20.0}), risk_of({"certain": 60.0})
    (0.9412, 0.9999, 1.0)
    """
    if contributions.get(Kind.CERTAIN.value, 0.0) > 0:
        return 1.0
    gained = sum(max(0.0, min(bits, KIND_CAP_BITS) - THIEF_BITS) for bits in contributions.values())
    return round(1.0 / (1.0 + math.pow(2.0, PRIOR_BITS - gained)), 4)
