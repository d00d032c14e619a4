"""Decayed request rates of a key: bringing them forward in time, and adding a window to them.

At horizon h the row holds decayed sums of requests, of minutes and of squared requests a minute; a
silent minute adds a minute and no request. The mean rate is ``rate_count / rate_minutes``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.profile import RATE_HORIZONS_MIN

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]

HORIZONS: Final = np.array(RATE_HORIZONS_MIN)
HOUR_OF_WEEK_AT_EPOCH: Final = 72
"""1970-01-01 was a Thursday; hour 0 of the week is Monday 00:00 UTC."""


def decayed(profile: Rows, gap_min: Floats) -> tuple[Floats, Floats, Floats]:
    """Requests, minutes and squares (n, H) after ``gap_min`` (n,) silent minutes."""
    fade = np.exp(-gap_min[:, None] / HORIZONS)
    count = profile["rate_count"] * fade
    minutes = profile["rate_minutes"] * fade + HORIZONS * (1.0 - fade)
    square = profile["rate_square"] * fade
    return count, minutes, square


def rates_at(profile: Rows, minute: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """As :func:`decayed`, at the start of ``minute`` (n,)."""
    gap = np.maximum(minute - profile["last_window"] - 1, 0).astype(np.float64)
    gap = np.where(profile["last_window"] < 0, 0.0, gap)
    return decayed(profile, gap)


def advance(profile: Rows, gap_min: Floats, count: Floats) -> None:
    """Add a window's ``count`` (n,) that ends ``gap_min`` (n,) minutes after the last, in place."""
    requests, minutes, square = decayed(profile, gap_min)
    profile["rate_count"] = requests + count[:, None]
    profile["rate_minutes"] = minutes
    profile["rate_square"] = square + (count * count)[:, None]


def hour_of_week(minute: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """0..167, Monday 00:00 UTC first."""
    return (minute // 60 + HOUR_OF_WEEK_AT_EPOCH) % 168
