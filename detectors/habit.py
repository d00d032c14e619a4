"""How far a window's feature is from what its key does."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr

from detectors.base import MAX_BITS, Bits, Rows
from detectors.features import deviation

FREEDOM: Final = 8.0
"""Student t: heavier than normal, as habits of clients are."""


def feature_bits(profiles: Rows, number: int, values: npt.NDArray[np.float32]) -> Bits:
    """-log2 P(feature ``number`` at least ``values`` (n,)) by the key's own mean and spread."""
    t = (values - profiles["feature_mean"][:, number]) / deviation(profiles)[:, number]
    tail = np.maximum(stdtr(FREEDOM, -t.astype(np.float64)), 2.0**-MAX_BITS)
    return np.maximum(-np.log2(tail), 0.0)
