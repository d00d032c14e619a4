"""Confidence intervals of shares and of rates."""

from __future__ import annotations

import math
from typing import Final

from scipy.special import gammaincinv

Z95: Final = 1.959964
"""The 97.5 % point of the normal distribution."""


def wilson(hits: int, of: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson, 1927), good for few trials too; (0, 1) for none.

    >>> [round(x, 3) for x in wilson(8, 10)]
    [0.49, 0.943]
    """
    if of == 0:
        return 0.0, 1.0
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int, exposure: float, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a rate (Garwood, 1936) of ``count`` events in ``exposure``; (0, inf) for none.

    >>> [round(x, 2) for x in poisson(0, 1.0)], [round(x, 2) for x in poisson(10, 2.0)]
    ([0.0, 3.69], [2.4, 9.2])
    """
    if exposure <= 0:
        return 0.0, math.inf
    tail = (1 - level) / 2
    low = float(gammaincinv(count, tail)) if count else 0.0
    return low / exposure, float(gammaincinv(count + 1, 1 - tail)) / exposure
