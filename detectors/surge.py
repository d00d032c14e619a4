"""Amounts that rise inside a window: refused requests, bytes sent out.

The logarithm of a minute's amount is Student t around the key's own mean, with 8 degrees of freedom: a
tail that forgives a few wild minutes in a thousand.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from detectors.base import MAX_BITS, Bits, Rows
from domain.profile import SURGES

FREEDOM: Final = 8.0
LEAST_SPREAD: Final = 0.5
"""Half an e-fold: no key is taken to be steadier."""
MIN_WINDOWS: Final = 60
_DENIED, _NOT_FOUND, _THROTTLED = 2, 3, 4


def surge_amounts(windows: Rows) -> npt.NDArray[np.float64]:
    """What a closed window holds of each of ``SURGES`` (n, S)."""
    status = windows["status"].astype(np.float64)
    refused = status[:, _DENIED] + status[:, _NOT_FOUND] + status[:, _THROTTLED]
    return np.stack([refused, windows["bytes_out"].astype(np.float64)], axis=1)


def amount_bits(profiles: Rows, name: str, amount: npt.NDArray[np.float64]) -> Bits:
    """-log2 P(at least ``amount`` (n,) in a minute of the key), NaN for keys of under an hour."""
    mean, deviation = usual(profiles, name)
    t = (np.log1p(amount) - mean) / deviation
    tail = np.maximum(stdtr(FREEDOM, -t), 2.0**-MAX_BITS)
    return np.where(profiles["windows"] >= MIN_WINDOWS, np.maximum(-np.log2(tail), 0.0), np.nan)


def usual(profiles: Rows, name: str) -> tuple[Bits, Bits]:
    """Mean and standard deviation (n,) of log(1 + amount), the deviation at least half an e-fold."""
    number = SURGES.index(name)
    mean = profiles["surge_mean"][:, number].astype(np.float64)
    variance = profiles["surge_square"][:, number] - mean * mean
    return mean, np.maximum(np.sqrt(np.maximum(variance, 0.0)), LEAST_SPREAD)
