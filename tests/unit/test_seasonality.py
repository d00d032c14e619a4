"""A key's own week: learned by the hour, and neither daylight saving nor a silent week is an incident."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from detectors.base import Windows
from detectors.catalog.off_hours import OffHours
from detectors.catalog.slow_ramp import SlowRamp
from detectors.catalog.volume import Volume
from detectors.features import raw_features
from detectors.season import nearby_hours
from domain.profile import FLEET_DTYPE, WINDOW_DTYPE, WINDOW_MS, new_profiles
from monitor.baseline.teach import count_window, teach
from monitor.claim import DetectSettings

MONDAY = 29_671_200
"""Minute of Monday 2026-06-01 00:00 UTC."""
HOUR, DAY, WEEK = 60, 1440, 10_080
BUSY = 40
EVERY_MIN = 6
"""A window every sixth minute is enough to see a rhythm."""
JUDGES = (Volume(), SlowRamp(), OffHours())
FINDING_BITS = DetectSettings().finding_bits


@dataclass
class Key:
    """One key's profile, scored and then taught a minute at a time, as the engine does it."""

    profile: Any = field(default_factory=lambda: new_profiles(1))
    fleet: Any = field(default_factory=lambda: np.zeros(1, FLEET_DTYPE))

    def used(self, minute: int, count: int) -> dict[str, float]:
        """Highest bits of each judge for this window."""
        window = np.zeros(1, WINDOW_DTYPE)
        window["minute"], window["count"] = minute, count
        window["first_ms"] = window["last_ms"] = minute * WINDOW_MS
        at, counts = np.array([minute]), np.array([count])
        columns = Windows(self.profile, window, self.fleet[0], at, counts, closing=True)
        bits = {judge.name: float(np.nan_to_num(judge.score(columns))[0]) for judge in JUDGES}
        count_window(self.profile, window)
        teach(self.profile, window, raw_features(window, self.profile), self.fleet, minute)
        return bits

    def works(self, days: Iterable[int], shift_h: int = 0, rng: Any = None) -> dict[str, float]:
        """Office hours on these days, weekends off; the highest bits of each judge."""
        worst: dict[str, float] = {}
        for day in days:
            if day % 7 >= 5:
                continue
            for minute in range((8 + shift_h) * HOUR, (17 + shift_h) * HOUR, EVERY_MIN):
                bits = self.used(MONDAY + day * DAY + minute, int(rng.poisson(BUSY)))
                worst = {name: max(worst.get(name, 0.0), found) for name, found in bits.items()}
        return worst


@pytest.fixture
def rng() -> Any:
    return np.random.default_rng(3)


@pytest.fixture
def office(rng: Any) -> Key:
    """A key that has worked from 8 to 17 UTC for three weeks."""
    key = Key()
    key.works(range(21), rng=rng)
    return key


def usual(key: Key, day: int, hour: int) -> float:
    """Requests a minute that this hour leads to expect."""
    minute = np.array([MONDAY + day * DAY + hour * HOUR])
    return float(nearby_hours(key.profile, minute).expected(highest=True)[0])


def test_the_hour_of_the_week_is_learned(office: Key) -> None:
    wednesday, saturday = 23, 26
    assert usual(office, wednesday, 12) == pytest.approx(BUSY / EVERY_MIN, rel=0.1)
    assert usual(office, wednesday, 2) < 0.1
    assert usual(office, saturday, 12) < 0.1


def test_a_spike_at_a_busy_hour_is_judged_by_that_hour(office: Key) -> None:
    office.works([21, 22], rng=np.random.default_rng(4))
    assert office.used(MONDAY + 23 * DAY + 12 * HOUR, BUSY)["volume"] < FINDING_BITS
    assert office.used(MONDAY + 23 * DAY + 12 * HOUR + 1, 60 * BUSY)["volume"] >= FINDING_BITS


@pytest.mark.parametrize("shift_h", [-1, 1])
def test_daylight_saving_makes_no_finding(office: Key, rng: Any, shift_h: int) -> None:
    worst = office.works(range(21, 28), shift_h=shift_h, rng=rng)
    assert max(worst.values()) < FINDING_BITS, worst


def test_a_night_shift_that_no_clock_change_explains_is_seen(office: Key) -> None:
    bits = office.used(MONDAY + 22 * DAY + 2 * HOUR, BUSY)
    assert bits["off_hours"] >= 8, "the same profile is not blind"


def test_a_week_without_data_and_the_return_make_no_finding(office: Key, rng: Any) -> None:
    worst = office.works(range(28, 35), rng=rng)
    assert max(worst.values()) < FINDING_BITS, worst


def test_a_week_without_data_teaches_no_silence(office: Key, rng: Any) -> None:
    monday, saturday = 28, 33
    before = [usual(office, monday, hour) for hour in range(24)]
    office.used(MONDAY + monday * DAY + 8 * HOUR, BUSY)
    assert [usual(office, monday, hour) for hour in range(24)] == before
    assert usual(office, saturday, 12) < 0.1


def test_silent_weekends_are_learned_though_they_are_longer_than_a_day() -> None:
    key = Key()
    key.works(range(14), rng=np.random.default_rng(5))
    key.used(MONDAY + 14 * DAY + 8 * HOUR, BUSY)
    assert usual(key, 19, 12) < 0.1, "a Saturday"
    assert key.profile["hour_weeks"][0, 5 * 24 + 12] == 2
