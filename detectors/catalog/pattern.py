"""A key's use breaks with its own pattern: by the hour or by the day, upwards or down, restless or even.

Meaning: the tick of ten minutes that has just ended, in ten deviations (`detectors.ticks`), each against the
key's own history of that deviation (`detectors.history`); bits = -log2 P of the rarest. There is no floor of
so many requests or so many times the usual: a key whose days are alike is judged as finely as they are.
Where `volume` asks whether a key would ever do so much, this asks whether it would ever change so. Scored
on the first window after a tick. Cost: about 20 us for a key's tick. Not ready before twelve hours of use.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.ticks import MIN_TICKS, STATS, TICK_MIN, Ended, bits_of, ended, far_off
from domain.finding import Evidence, Kind

_BESIDE: Final = {
    "tick": "beside the hour before",
    "day": "beside the day before",
    "hour": "beside the day before, for most of an hour",
    "season": "beside this hour of other days",
    "swing": "and how they change from one to the next",
}


class Pattern:
    """Scores closing windows that begin a new tick; others say nothing new."""

    name: ClassVar[str] = "pattern"
    kind: ClassVar[Kind] = Kind.VOLUME
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        opened = windows.profile["tick"]
        out = np.where(windows.profile["ticks"] < MIN_TICKS, np.nan, 0.0)
        rows = np.flatnonzero((windows.profile["ticks"] >= MIN_TICKS) & (opened < windows.minute // TICK_MIN))
        profile = windows.profile.take(rows)
        far = far_off(profile, tick := ended(profile))
        if far.any():
            out[rows[far]] = bits_of(profile[far], tick.of(far)).max(axis=1)
        return out

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        profile = windows.profile[i : i + 1]
        tick = ended(profile)
        bits = bits_of(profile, tick)[0]
        lines = [_line(tick, s, float(bits[s])) for s in np.argsort(-bits, kind="stable").tolist()]
        return [line for line in lines if line.bits > 0] or lines[:1]


def _line(tick: Ended, number: int, bits: float) -> Evidence:
    falls, stat = divmod(number, len(STATS))
    what = f"requests in ten minutes {_BESIDE[STATS[stat]]}"
    actual = f"{tick.y[0] ** 2:,.0f}"
    if STATS[stat] == "swing":
        expected, actual = ("more even", "restless") if not falls else ("less even", "even")
    else:
        usual = tick.usual[0, (0, 1, 1, 2)[stat]]
        expected = f"about {np.nan_to_num(usual) ** 2:,.0f}"
    return Evidence(what=what, expected=expected, actual=actual, bits=bits)
