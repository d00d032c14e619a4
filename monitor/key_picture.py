"""A key's picture from its stored rows: what is usual, and what was.

What is usual is an approximation: the profile has the mean of each hour of the week and no spread of it.
What was is counted, to about 1 %. Hours nothing is known of stay empty rather than guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from detectors.rates import hour_of_week
from domain.network import unpack_country, unpack_prefix
from domain.picture import HOUR_MS, HOURS, KeyPicture, Share, Spot
from domain.profile import WINDOW_MS
from monitor.baseline.hours import requests_in

WEEK_RATE: Final = 3
BAND: Final = 2.0
"""No key is taken to be steadier than a factor of two, as `volume` has it."""
SHOWN: Final = 8
_REMARK: Final = "usual: the mean of the same hour of earlier weeks, and a factor of 2 around it"


def picture_of(row: np.void, windows: Mapping[int, int], now_ms: int) -> KeyPicture:
    """``row`` is a profile, ``windows`` the requests of the key's open minutes (by minute number)."""
    last = now_ms // HOUR_MS
    hours = range(last - HOURS + 1, last + 1)
    expected = [_expected(row, hour) for hour in hours]
    return KeyPicture(
        at_ms=now_ms,
        first_hour_ms=hours[0] * HOUR_MS,
        expected=[round(mean, 1) for mean in expected],
        low=[round(max(mean / BAND - 2 * math.sqrt(mean), 0.0), 1) for mean in expected],
        high=[round(mean * BAND + 2 * math.sqrt(mean), 1) for mean in expected],
        actual=[_actual(row, windows, hour) for hour in hours],
        minutes=[count for _, count in sorted(windows.items())],
        requests=int(row["events"]),
        countries=_shares(row, "country", unpack_country),
        operators=_shares(row, "asn", lambda number: f"AS{number}"),
        networks=_shares(row, "prefix", unpack_prefix),
        places=_places(row),
        remark=_REMARK,
    )


def _expected(row: np.void, hour: int) -> float:
    """Requests in this hour of the week; of the day where it was never seen; else the week's mean."""
    of_week = int(hour_of_week(np.array([hour * 60]))[0])
    if row["hour_weeks"][of_week]:
        return float(np.exp2(np.float64(row["hour_level"][of_week])) - 1.0)
    same = (of_week + 24 * np.arange(7)) % 168
    seen = same[row["hour_weeks"][same] > 0]
    if len(seen):
        return float((np.exp2(row["hour_level"][seen].astype(np.float64)) - 1.0).mean())
    minutes = float(row["rate_minutes"][WEEK_RATE])
    return 60.0 * float(row["rate_count"][WEEK_RATE]) / minutes if minutes else 0.0


def _actual(row: np.void, windows: Mapping[int, int], hour: int) -> float | None:
    counted = requests_in(row, hour)
    waiting = sum(count for minute, count in windows.items() if minute // 60 == hour)
    return float(counted + waiting) if counted is not None else (float(waiting) if waiting else None)


def _shares(row: np.void, name: str, words: Callable[[Any], str]) -> list[Share]:
    weights = row[f"{name}_weight"].astype(np.float64)
    total = float(weights.sum())
    order = [i for i in np.argsort(-weights).tolist() if weights[i] > 0][:SHOWN]
    return [Share(name=words(int(row[name][i])), share=round(float(weights[i]) / total, 3)) for i in order]


def _places(row: np.void) -> list[Spot]:
    weights = row["place_weight"].astype(np.float64)
    total = float(weights.sum())
    return [
        Spot(
            lat=round(float(row["place_lat"][i]), 2),
            lon=round(float(row["place_lon"][i]), 2),
            share=round(float(weights[i]) / total, 3),
        )
        for i in np.argsort(-weights).tolist()
        if weights[i] > 0
    ]


OPEN_MINUTES: Final = 4
"""Minutes looked at for open windows: lateness is 2 by default, and the current one is open too."""


def recent_minutes(now_ms: int) -> range:
    """Minute numbers whose windows may be open."""
    last = now_ms // WINDOW_MS
    return range(last - OPEN_MINUTES, last + 1)
