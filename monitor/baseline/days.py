"""A key's day ends: what it came to goes into the histories that scores are judged by.

The key's own history takes every day, so that a noisy key is soon known, by itself. The fleet's takes the
score of a day on which an alert was made two days later, and not at all after a verdict of misuse, so that
an attack does not at once raise everybody's threshold. Days in which a key was not used do not count.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.calibrate import add_fleet_bits, add_fleet_scores, add_key_days, cohort_of
from domain.profile import NEVER

Rows = npt.NDArray[np.void]
Mask = npt.NDArray[np.bool_]

DAY_MIN: Final = 1440
PENDING_DAYS: Final = 2
KEY_MEMORY_DAYS: Final = 30.0
FLEET_MEMORY_DAYS: Final = 60.0


def enter_day(profiles: Rows, fleet: Rows, minute: int, convicted: Mask | None = None) -> None:
    """Bring ``profiles`` (n,) into the day of ``minute``, in place; the fleet's row (1,) learns what ended.

    ``convicted`` (n,): keys with a verdict of misuse, whose alerted day teaches the fleet nothing.
    """
    day = minute // DAY_MIN
    rows = np.flatnonzero(profiles["day"] < day)
    if not len(rows):
        return
    _fade(fleet, day)
    ended = profiles[rows]
    _end_pending(ended, fleet, day, convicted[rows] if convicted is not None else np.zeros(len(rows), bool))
    _end_day(ended, fleet)
    ended["day"], ended["day_alerted"], ended["day_score"], ended["day_bits"] = day, 0, 0, 0
    profiles[rows] = ended


def _fade(fleet: Rows, day: int) -> None:
    gone = day - int(fleet["history_day"][0])
    if gone > 0:
        keep = np.float32(np.exp(-gone / FLEET_MEMORY_DAYS))
        fleet["score_days"] *= keep
        fleet["bits_days"] *= keep
        fleet["history_day"] = day


def _end_day(ended: Rows, fleet: Rows) -> None:
    used = ended["day"] != NEVER
    alerted = ended["day_alerted"] > 0
    quiet = ended[used & ~alerted]
    add_fleet_scores(fleet, cohort_of(quiet), quiet["day_score"])
    every = ended[used]
    age = every["day"] - every["first_ms"] // (DAY_MIN * 60_000)
    add_fleet_bits(fleet, cohort_of(every), every["day_bits"], age)
    learning = ended[used]
    for name in ("score_days", "claim_days", "claim_top"):
        learning[name] *= np.float16(np.exp(-1.0 / KEY_MEMORY_DAYS))
    add_key_days(learning, learning["day_score"], learning["day_bits"])
    ended[used] = learning
    waits = used & alerted & (ended["pending_day"] == NEVER)
    for name in ("day", "score"):
        ended[f"pending_{name}"][waits] = ended["day" if name == "day" else "day_score"][waits]


def _end_pending(ended: Rows, fleet: Rows, day: int, convicted: Mask) -> None:
    waiting = ended["pending_day"] != NEVER
    due = waiting & (day - ended["pending_day"] >= PENDING_DAYS)
    over = ended[due & ~convicted]
    add_fleet_scores(fleet, cohort_of(over), over["pending_score"])
    ended["pending_day"][due | (waiting & convicted)] = NEVER
