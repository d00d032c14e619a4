"""A key's own history of deviations, and what breaks with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from detectors.base import Windows
from detectors.catalog.pattern import Pattern
from detectors.history import MOST_SEEN, UNIT, add, own_bits, seen
from domain.profile import FLEET_DTYPE, TICK_BINS, WINDOW_DTYPE, new_profiles
from monitor.baseline.ticks import count_ticks

MONDAY = 29_671_200
"""Minute of Monday 2026-06-01 00:00 UTC."""
DAY = 144
"""Ticks."""


def history(deviations: Any) -> Any:
    counts, known = np.zeros((1, 1, TICK_BINS), np.uint16), np.ones((1, 1), bool)
    for u in deviations:
        counts = add(counts, np.array([[u]]), known)
    return counts


def bits(counts: Any, *deviations: float) -> list[float]:
    return [float(own_bits(counts, np.array([[u]]))[0, 0]) for u in deviations]


def test_bits_are_those_of_the_tail_that_deviations_have() -> None:
    counts = history(np.random.default_rng(1).exponential(1.0, 1900))
    found = bits(counts, 0.7, 3.0, 6.0, 12.0)
    assert found == pytest.approx([1.0, 4.3, 8.7, 17.3], rel=0.25), "u / ln 2"


def test_a_heavier_tail_surprises_less() -> None:
    rng = np.random.default_rng(2)
    light = bits(history(rng.exponential(1.0, 1900)), 12.0)
    heavy = bits(history(np.abs(rng.standard_t(2, 1900))), 12.0)
    assert heavy[0] < 0.7 * light[0]


def test_a_larger_deviation_never_surprises_less() -> None:
    counts = history(np.random.default_rng(3).exponential(1.0, 500))
    found = bits(counts, *np.geomspace(0.1, 1e6, 300))
    assert np.all(np.diff(found) >= 0)
    assert found[0] == 0


def test_the_first_slip_of_a_clockwork_is_no_proof() -> None:
    assert bits(history([0.0] * 1900), 3.0)[0] < 8


def test_an_old_habit_is_forgotten_and_counts_stay_bounded() -> None:
    counts = history([20.0] * 400)
    before = bits(counts, 20.0)[0]
    counts = np.copy(counts)
    rng = np.random.default_rng(4)
    for u in rng.exponential(0.5, 4 * MOST_SEEN):
        counts = add(counts, np.array([[u]]), np.ones((1, 1), bool))
    assert seen(counts)[0, 0] < MOST_SEEN
    assert int(counts.sum()) < MOST_SEEN * UNIT
    assert before < 1
    assert bits(counts, 20.0)[0] > 10


@dataclass
class Key:
    """A key of one window a tick, scored and then counted as the engine does it."""

    profile: Any = field(default_factory=lambda: new_profiles(1))
    tick: int = MONDAY // 10

    def used(self, *counts: int, held: bool = False) -> list[float]:
        found = []
        for count in counts:
            found.append(float(Pattern().score(self.next())[0]))
            window = np.zeros(1, WINDOW_DTYPE)
            window["count"] = count
            count_ticks(self.profile, window, self.tick * 10, np.array([held]))
            self.tick += 1
        return found

    def next(self) -> Windows:
        """The first window after the open tick."""
        window, minute = np.zeros(1, WINDOW_DTYPE), np.array([self.tick * 10])
        fleet = np.zeros(1, FLEET_DTYPE)[0]
        return Windows(self.profile.copy(), window, fleet, minute, np.array([1]), closing=True)


def even_days(days: int, seed: int = 5) -> Key:
    key = Key()
    key.used(*np.random.default_rng(seed).poisson(100, days * DAY).tolist())
    return key


def test_half_a_day_must_be_known() -> None:
    key = Key()
    found = np.array(key.used(*np.random.default_rng(5).poisson(100, DAY).tolist()))
    assert np.isnan(found[:72]).all()
    assert not np.isnan(found[80:]).any()


def test_an_honest_week_comes_seldom_to_a_finding() -> None:
    key = even_days(7)
    found = key.used(*np.random.default_rng(6).poisson(100, 7 * DAY).tolist())
    assert np.mean(np.array(found) >= 12) < 0.002


@pytest.mark.parametrize(("counts", "said"), [((200, 200, 0), "100"), ((20, 20, 0), "100")])
def test_twice_as_much_or_a_fifth_is_seen_on_a_key_of_even_days(counts: tuple[int, ...], said: str) -> None:
    key = even_days(7)
    assert max(key.used(*counts)) > 12


def test_evidence_says_what_was_usual_and_what_came() -> None:
    key = even_days(7)
    key.used(200)
    columns = key.next()
    lines = Pattern().explain(columns, 0)
    assert lines[0].bits == pytest.approx(float(Pattern().score(columns)[0]))
    assert lines[0].actual == "200"
    assert 80 < float(lines[0].expected.removeprefix("about ")) < 120


def test_a_key_that_doubles_every_day_is_not_news() -> None:
    steady, bursty, rng = even_days(14), Key(), np.random.default_rng(7)
    for _ in range(14):
        day = rng.poisson(100, DAY)
        at = int(rng.integers(0, DAY - 3))
        day[at : at + 3] = 200
        bursty.used(*day.tolist())
    again = (200, 200, 200, 0)
    assert max(bursty.used(*again)) < max(steady.used(*again)) - 4


def test_a_flat_line_is_news_on_a_key_that_never_rests() -> None:
    key = Key()
    key.used(*np.random.default_rng(8).poisson(np.random.default_rng(9).gamma(4, 100, 7 * DAY)).tolist())
    found = key.used(*([400] * 12))
    assert max(found) > 6, "it counts as evidence"
    assert found[0] < 3


def test_held_ticks_teach_nothing() -> None:
    key = even_days(3)
    key.used(100)
    before = key.profile.copy()
    key.used(900, 900, held=True)
    for name in ("tick_days", "tick_level", "tick_hour", "ticks"):
        np.testing.assert_array_equal(key.profile[name], before[name])


def test_a_night_of_silence_fades_the_levels_and_is_not_counted() -> None:
    key = even_days(3)
    ticks, day = int(key.profile["ticks"][0]), float(key.profile["tick_level"][0, 2])
    key.tick += 72
    key.used(100)
    assert int(key.profile["ticks"][0]) == ticks + 1
    assert float(key.profile["tick_level"][0, 2]) == pytest.approx(day * np.exp(-0.5), rel=0.1)


def test_windows_of_one_tick_add_up_and_keys_do_not_mix() -> None:
    rng = np.random.default_rng(10)
    together, alone = new_profiles(5), new_profiles(5)
    for minute in range(MONDAY, MONDAY + 2000):
        windows = np.zeros(5, WINDOW_DTYPE)
        windows["count"] = rng.poisson(3, 5) + 1
        used = np.flatnonzero(rng.random(5) < 0.7)
        rows = together[used]
        count_ticks(rows, windows[used], minute, np.zeros(len(used), bool))
        together[used] = rows
        for i in used.tolist():
            count_ticks(alone[i : i + 1], windows[i : i + 1], minute, np.zeros(1, bool))
    assert together.tobytes() == alone.tobytes()
    assert (together["ticks"] == 199).all()
