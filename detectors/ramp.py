"""Slow rises: a cumulative sum of busy hours above a frozen reference (Page, 1954).

An hour is x = log2(1 + requests). The reference is the mean and spread of a key's busy hours in its first
week, of which there must be ``REFERENCE_HOURS``, so that weekends are in it, and then moves with a memory
of ``FROZEN_HOURS`` (three months), so that a rise of weeks cannot teach it. Each later hour adds z - 1/2
with z = (x - mean) / spread at most 3, and the sum never falls below 0. Under the reference P(sum > s) is
about exp(-s) (Siegmund, 1985, drift 1/2).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.base import Bits, Rows

REFERENCE_HOURS: Final = 24.0
REFERENCE_WEEK: Final = 168
FROZEN_HOURS: Final = 2160.0
SLACK: Final = 0.5
MOST_Z: Final = 3.0
"""One wild hour is `volume`'s business; a ramp must last."""
LEAST_SPREAD: Final = 0.35
"""In log2: hours of one key differ by a quarter even when nothing happens."""
MOST_SUM: Final = 40.0


def closed_hour(profiles: Rows) -> Rows:
    """Profiles (n,) after their open hour ended, with ``hour_open_count`` requests in it; silent hours
    change nothing, as nights say nothing about ramps."""
    busy = profiles["hour_open_count"] > 0
    x = np.log2(1.0 + profiles["hour_open_count"].astype(np.float64))
    n = profiles["reference_hours"].astype(np.float64)
    mean = profiles["reference_mean"].astype(np.float64)
    ready = settled(profiles)
    z = np.minimum((x - mean) / spread(profiles), MOST_Z)
    total = np.clip(profiles["cusum"] + z - SLACK, 0.0, MOST_SUM)
    step = np.where(ready, 1.0 / FROZEN_HOURS, 1.0 / (n + 1.0))
    profiles["cusum"] = np.where(busy & ready, total, profiles["cusum"])
    profiles["reference_mean"] = np.where(busy, mean + (x - mean) * step, mean)
    square = profiles["reference_square"]
    profiles["reference_square"] = np.where(busy, square + (x * x - square) * step, square)
    profiles["reference_hours"] = np.where(busy, n + 1.0, n)
    return profiles


def settled(profiles: Rows) -> npt.NDArray[np.bool_]:
    """Rows (n,) whose reference is complete when the open hour ends."""
    age = profiles["hour_open"] - profiles["first_ms"] // 3_600_000
    whole: npt.NDArray[np.bool_] = (profiles["reference_hours"] >= REFERENCE_HOURS) & (age >= REFERENCE_WEEK)
    return whole


def spread(profiles: Rows) -> Bits:
    """Standard deviation (n,) of a key's busy hours in log2, at least ``LEAST_SPREAD``."""
    mean = profiles["reference_mean"].astype(np.float64)
    variance = profiles["reference_square"] - mean * mean
    return np.maximum(np.sqrt(np.maximum(variance, 0.0)), LEAST_SPREAD)


def sum_bits(profiles: Rows) -> npt.NDArray[np.float64]:
    """-log2 P(so high a sum) (n,)."""
    bits: Bits = profiles["cusum"].astype(np.float64) / np.log(2.0)
    return bits
