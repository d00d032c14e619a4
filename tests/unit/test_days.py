"""The histories of scores: what a day teaches, and when."""

from __future__ import annotations

from typing import Any

import numpy as np

from domain.profile import FLEET_DTYPE, NEVER, new_profiles
from monitor.baseline.days import DAY_MIN, PENDING_DAYS, enter_day

DAY = 20_000


def on_a_day(score: float, alerted: bool = False) -> tuple[Any, Any]:
    profiles, fleet = new_profiles(1), np.zeros(1, FLEET_DTYPE)
    enter_day(profiles, fleet, DAY * DAY_MIN)
    profiles["day_score"], profiles["day_alerted"], profiles["day_bits"][0, 2] = score, alerted, 14
    return profiles, fleet


def days_counted(fleet: Any) -> float:
    return float(fleet["score_days"].sum())


def test_nothing_is_counted_before_a_day_ends() -> None:
    profiles, fleet = on_a_day(10)
    enter_day(profiles, fleet, DAY * DAY_MIN + 1439)
    assert days_counted(fleet) == 0
    assert profiles["day_score"] == 10


def test_a_quiet_day_teaches_key_and_fleet() -> None:
    profiles, fleet = on_a_day(10)
    enter_day(profiles, fleet, (DAY + 1) * DAY_MIN)
    assert fleet["score_days"][0, 0, 10] == 1
    assert fleet["bits_days"][0, 0, 2, 7] == 1
    assert profiles["score_days"][0, 2] == 1
    assert (profiles["day"][0], profiles["day_score"][0], profiles["day_bits"].sum()) == (DAY + 1, 0, 0)


def test_an_alerted_day_teaches_the_key_at_once_and_the_fleet_later() -> None:
    profiles, fleet = on_a_day(30, alerted=True)
    enter_day(profiles, fleet, (DAY + 1) * DAY_MIN)
    assert profiles["score_days"][0, 7] == 1
    assert days_counted(fleet) == 0
    for day in range(DAY + 2, DAY + PENDING_DAYS + 1):
        enter_day(profiles, fleet, day * DAY_MIN)
    assert fleet["score_days"][0, 0, 30] == 1
    assert profiles["pending_day"] == NEVER


def test_a_verdict_of_misuse_keeps_the_day_from_the_fleet() -> None:
    profiles, fleet = on_a_day(30, alerted=True)
    for day in range(DAY + 1, DAY + PENDING_DAYS + 2):
        enter_day(profiles, fleet, day * DAY_MIN, np.array([True]))
    assert fleet["score_days"][0, 0, 30:].sum() == 0


def test_history_fades() -> None:
    profiles, fleet = on_a_day(10)
    enter_day(profiles, fleet, (DAY + 1) * DAY_MIN)
    enter_day(profiles, fleet, (DAY + 121) * DAY_MIN)
    assert 0 < fleet["score_days"][0, 0, 10] < 0.2


def test_a_late_minute_of_yesterday_changes_no_day() -> None:
    profiles, fleet = on_a_day(10)
    before = profiles.tobytes(), fleet.tobytes()
    enter_day(profiles, fleet, DAY * DAY_MIN - 1)
    assert (profiles.tobytes(), fleet.tobytes()) == before
