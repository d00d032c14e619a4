"""Ticks of ten minutes: how far each deviates from what the key's past leads to expect.

All is in y = sqrt(requests), whose spread hardly depends on the level (Bartlett, 1936). Five statistics:

    tick    y - the level of the last 40 minutes         hour    that level - the day's
    day     y - the day's level                          season  the last half hour - this hour of any day
    swing   log2 of the last |tick| deviations over a day's: restless, or suddenly even

Each is divided by its own usual size, and a rise and a fall have each a histogram of their own
(`detectors.history`). A tick in which nothing was asked fades the levels and is not counted: nights say
little.
Cost: nothing a request; about 20 us for a key's tick; 700 bytes a key.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.base import Bits, Rows
from detectors.history import LEAST_DEEP, add, own_bits, seen

TICK_MIN: Final = 10
STATS: Final = ("tick", "day", "hour", "season", "swing")
LOOKS_BITS: Final = float(np.log2(2 * len(STATS)))
HALF_HOUR, SHORT, DAY = range(3)
MEMORY: Final = np.array([3.0, 4.0, 144.0])
"""Ticks that the levels remember."""
SWING_MEMORY: Final = MEMORY[[SHORT, DAY]]
HOUR_MEMORY: Final = 30.0
"""Ticks of an hour of the day: five days."""
SPREAD_MEMORY: Final = 288.0
MOST_SPREADS: Final = 8.0
"""One deviation counts at the most so many usual ones towards what is usual."""
LEAST_SPREAD: Final = np.array([0.35, 0.35, 0.35, 0.35, 0.1])
"""A Poisson count's sqrt deviates by 0.4 in the mean."""
MIN_TICKS: Final = 72.0
MIN_HOUR_TICKS: Final = 12
"""Two days of an hour of the day."""
FADED: Final = 144
"""A silence of a day leaves nothing of the short levels; longer ones leave the day's as it is."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The tick that ends: ``y`` (n,), ``usual`` (n, 3) what was expected of it by the short level, the day's
    and this hour's, ``level`` (n, 3) and ``swing`` (n, 2) with it, ``deviation`` (n, 5), NaN unknown."""

    y: Bits
    usual: Bits
    level: Bits
    swing: Bits
    deviation: Bits

    def of(self, rows: npt.NDArray[np.bool_]) -> Ended:
        """Some rows of it."""
        return Ended(*(getattr(self, f.name)[rows] for f in fields(self)))


def hour_of(profiles: Rows) -> npt.NDArray[np.int64]:
    """The hour of the day (n,), UTC, of the open tick."""
    return profiles["tick"].astype(np.int64) * TICK_MIN // 60 % 24


def ended(profiles: Rows) -> Ended:
    """What the open ticks of ``profiles`` (n,) come to if they end now."""
    n = profiles["ticks"].astype(np.float64)[:, None]
    y = np.sqrt(profiles["tick_count"].astype(np.float64))
    before = np.where(n > 0, profiles["tick_level"], y[:, None]).astype(np.float64)
    level = before + (y[:, None] - before) / np.minimum(n + 1.0, MEMORY)
    jump = np.abs(y - before[:, SHORT])[:, None]
    swing = profiles["tick_swing"] + (jump - profiles["tick_swing"]) / np.minimum(n + 1.0, SWING_MEMORY)
    rows, hour = np.arange(len(y)), hour_of(profiles)
    known = profiles["tick_hour_seen"][rows, hour] >= MIN_HOUR_TICKS
    season = np.where(known, profiles["tick_hour"][rows, hour], np.nan).astype(np.float64)
    least = LEAST_SPREAD[0]
    restless = np.log2((swing[:, 0] + least) / (profiles["tick_swing"][:, 1] + least))
    usual = np.stack([before[:, SHORT], before[:, DAY], season], axis=1)
    deviation = np.stack(
        [
            y - usual[:, 0],
            y - usual[:, 1],
            level[:, SHORT] - usual[:, 1],
            level[:, HALF_HOUR] - season,
            restless,
        ],
        axis=1,
    )
    return Ended(y, usual, level, swing, deviation)


def bits_of(profiles: Rows, tick: Ended) -> Bits:
    """-log2 P (n, 10) of rises of the five, then of their falls, when ten are looked at (Bonferroni, 1936).

    0 where too little was seen.
    """
    counts = profiles["tick_days"]
    bits = np.maximum(own_bits(counts, _both_sides(profiles, tick)) - LOOKS_BITS, 0.0)
    return np.where(seen(counts) >= MIN_TICKS, bits, 0.0)


def far_off(profiles: Rows, tick: Ended) -> npt.NDArray[np.bool_]:
    """Rows (n,) with a deviation of at least ``LEAST_DEEP`` usual ones: others are no news."""
    far: npt.NDArray[np.bool_] = _both_sides(profiles, tick).max(axis=1) >= LEAST_DEEP
    return far


def _spreads(profiles: Rows) -> Bits:
    return np.maximum(profiles["tick_spread"].astype(np.float64), LEAST_SPREAD)


def _both_sides(profiles: Rows, tick: Ended) -> Bits:
    u = np.nan_to_num(tick.deviation) / _spreads(profiles)
    return np.maximum(np.concatenate([u, -u], axis=1), 0.0)


def learn(profiles: Rows) -> None:
    """The open ticks of ``profiles`` (n,) end and are learned, in place."""
    tick = ended(profiles)
    known = ~np.isnan(tick.deviation)
    had = seen(profiles["tick_days"][:, : len(STATS)])
    profiles["tick_days"] = add(
        profiles["tick_days"], _both_sides(profiles, tick), np.concatenate([known, known], axis=1)
    )
    spread, size = profiles["tick_spread"].astype(np.float64), np.abs(np.nan_to_num(tick.deviation))
    capped = np.minimum(size, MOST_SPREADS * _spreads(profiles))
    later = spread + (capped - spread) / np.minimum(had + 1.0, SPREAD_MEMORY)
    profiles["tick_spread"] = np.where(known, np.where(had < 3, np.maximum(spread, size), later), spread)
    profiles["tick_level"], profiles["tick_swing"] = tick.level, tick.swing
    _learn_hour(profiles, tick.y)
    profiles["ticks"] += np.uint32(1)


def _learn_hour(profiles: Rows, y: Bits) -> None:
    rows, hour = np.arange(len(y)), hour_of(profiles)
    times = profiles["tick_hour_seen"][rows, hour].astype(np.float64)
    usual = profiles["tick_hour"][rows, hour].astype(np.float64)
    profiles["tick_hour"][rows, hour] = usual + (y - usual) / np.minimum(times + 1.0, HOUR_MEMORY)
    profiles["tick_hour_seen"][rows, hour] = np.minimum(times + 1.0, 255.0)


def start(profiles: Rows, tick: int) -> None:
    """Open ``tick`` for ``profiles`` (n,), in place: levels fade over the silent ticks before it."""
    silent = np.clip(tick - profiles["tick"] - 1, 0, FADED).astype(np.float64)
    silent = np.where(profiles["tick"] < 0, 0.0, silent)
    profiles["tick_level"] *= (1.0 - 1.0 / MEMORY) ** silent[:, None]
    profiles["tick"], profiles["tick_count"] = tick, 0
