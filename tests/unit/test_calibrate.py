"""Scores against history: noisy detectors weigh less, noisy keys are judged by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.calibrate import (
    CLAIM_BITS,
    MOST_WEIGHT,
    READY_AFTER_DAYS,
    add_fleet_bits,
    add_fleet_scores,
    add_key_days,
    cohort_of,
    p_value,
    weight_of,
)
from detectors.catalog import DETECTORS
from domain.profile import DETECTORS_MAX, FLEET_DTYPE, new_profiles

KEY = new_profiles(1)[0]


def fleet_of(scores: list[float], bits: float = 0.0, cohort: int = 0, age: int = 30) -> Any:
    fleet = np.zeros(1, FLEET_DTYPE)
    n = len(scores)
    daily = np.zeros((n, DETECTORS_MAX), np.float16)
    daily[:, 3] = bits
    add_fleet_scores(fleet, np.full(n, cohort), np.array(scores, np.float32))
    add_fleet_bits(fleet, np.full(n, cohort), daily, np.full(n, age))
    return fleet[0]


def key_of(days: int, score: float, bits: float = 0.0) -> Any:
    """A key with so many days, each with that score and that many bits of detector 3."""
    rows, daily = new_profiles(1), np.zeros((1, DETECTORS_MAX), np.float16)
    daily[:, 3] = bits
    for _ in range(days):
        add_key_days(rows, np.array([score], np.float32), daily)
    return rows[0]


def test_without_history_theory_decides() -> None:
    fleet = np.zeros(1, FLEET_DTYPE)[0]
    assert weight_of(KEY, fleet, 0, 12.0) == pytest.approx(8.0)
    assert weight_of(KEY, fleet, 0, 3.0) == 0.0
    assert p_value(KEY, fleet, 0.0) == 1.0
    assert 0.001 < p_value(KEY, fleet, 20.0) < 0.002


def test_a_detector_that_cries_every_day_weighs_nothing() -> None:
    assert weight_of(KEY, fleet_of([0.0] * 5000, bits=20.0), 3, 20.0) < 0.2
    assert weight_of(KEY, fleet_of([0.0] * 5000, bits=8.0), 3, 20.0) > 16


def test_a_detector_weighs_more_on_a_key_it_was_always_silent_on() -> None:
    fleet = fleet_of([0.0] * 900)
    fleet["bits_days"] += fleet_of([0.0] * 100, bits=16.0)["bits_days"]
    silent, noisy = key_of(20, 0.0), key_of(20, 0.0, bits=16.0)
    assert (
        weight_of(noisy, fleet, 3, 16.0)
        < 1
        < weight_of(KEY, fleet, 3, 16.0)
        < weight_of(silent, fleet, 3, 16.0)
    )
    assert weight_of(noisy, fleet, 3, 30.0) > 8, "worse than it ever was"


def test_a_claim_too_weak_to_count_leaves_no_trace() -> None:
    assert key_of(5, 0.0, bits=CLAIM_BITS - 1)["claim_days"][3] == 0


def test_days_before_a_detector_is_ready_say_nothing_of_it() -> None:
    ramp = DETECTORS.index("slow_ramp")
    young, old = fleet_of([0.0] * 5000, age=READY_AFTER_DAYS[ramp] - 1), fleet_of([0.0] * 5000)
    assert weight_of(KEY, young, ramp, 8.0) == pytest.approx(
        weight_of(KEY, np.zeros(1, FLEET_DTYPE)[0], ramp, 8.0)
    )
    assert weight_of(KEY, old, ramp, 8.0) > 9


def test_weights_are_bounded() -> None:
    fleet = fleet_of([0.0] * 1_000_000)
    assert all(0 <= weight_of(KEY, fleet, 0, bits) <= MOST_WEIGHT for bits in (0.0, 4.0, 8.0, 30.0, 60.0))


def test_rarer_scores_have_smaller_p_values() -> None:
    fleet = fleet_of(list(np.random.default_rng(1).exponential(3, 5000)))
    values = [p_value(KEY, fleet, score) for score in (0.0, 2.0, 5.0, 10.0, 20.0, 60.0)]
    assert values == sorted(values, reverse=True)
    assert all(0 < value <= 1 for value in values)


def test_the_alerting_share_of_days_is_the_budget() -> None:
    rng = np.random.default_rng(2)
    fleet = fleet_of(list(rng.gamma(1.5, 3.0, 50_000)))
    later = rng.gamma(1.5, 3.0, 50_000)
    for budget in (0.001, 0.005, 0.02):
        share = np.mean([p_value(KEY, fleet, float(score)) <= budget for score in later])
        assert budget / 1.5 <= share <= budget * 1.5


def test_a_noisy_key_is_judged_by_its_own_days() -> None:
    fleet = fleet_of([1.0] * 5000)
    quiet, noisy = key_of(3, 1.0), key_of(3, 22.0)
    assert p_value(quiet, fleet, 21.0) < 0.005
    assert p_value(noisy, fleet, 21.0) > 0.05
    assert p_value(noisy, fleet, 40.0) < 0.005


def test_days_apart_from_all_others_are_in_the_tail_too() -> None:
    fleet = fleet_of([1.0] * 20_000)
    assert p_value(KEY, fleet, 25.0) < 0.0005
    fleet["score_days"] += fleet_of([30.0] * 2000, cohort=1)["score_days"]
    assert p_value(KEY, fleet, 25.0) > 0.005


def test_a_few_attacks_in_the_history_hide_no_others() -> None:
    honest = list(np.random.default_rng(3).exponential(3.0, 20_000))
    clean, beset = fleet_of(honest), fleet_of([*honest, *[60.0] * 40])
    assert p_value(KEY, beset, 30.0) < min(0.0005, 20 * p_value(KEY, clean, 30.0))


def test_scores_that_no_day_has_reached_are_still_told_apart() -> None:
    fleet = fleet_of([2.0] * 5000)
    values = [p_value(KEY, fleet, score) for score in (30.0, 31.0, 40.0, 60.0, 80.0)]
    assert values == sorted(set(values), reverse=True)


def test_a_fleet_of_wild_days_is_judged_by_its_days() -> None:
    assert p_value(KEY, fleet_of([70.0] * 500_000), 70.0) > 0.9


def test_cohorts_tell_hours_networks_and_rate_apart() -> None:
    rows = new_profiles(3)
    rows["hour_weeks"] = 2
    rows["hour_level"][0], rows["hour_level"][1, 9:17] = 4, 4
    rows["prefix_weight"][1, :3] = 1
    rows["rate_count"][2], rows["rate_minutes"][2] = 6000, 60
    assert cohort_of(rows).tolist() == [4, 2, 1]
