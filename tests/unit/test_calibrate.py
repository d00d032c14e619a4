"""Scores against history: noisy detectors weigh less, noisy keys are judged by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.calibrate import add_fleet_days, add_key_days, cohort_of, p_value, weight_of
from domain.profile import DETECTORS_MAX, FLEET_DTYPE, new_profiles


def fleet_of(scores: list[float], bits: float = 0.0, cohort: int = 0) -> Any:
    fleet = np.zeros(1, FLEET_DTYPE)
    n = len(scores)
    daily = np.zeros((n, DETECTORS_MAX), np.float16)
    daily[:, 3] = bits
    add_fleet_days(fleet, np.full(n, cohort), np.array(scores, np.float32), daily)
    return fleet[0]


def test_without_history_theory_decides() -> None:
    fleet = np.zeros(1, FLEET_DTYPE)[0]
    assert weight_of(fleet, 0, 12.0) == pytest.approx(8.0)
    assert weight_of(fleet, 0, 3.0) == 0.0
    assert p_value(new_profiles(1)[0], fleet, 16.0) == pytest.approx(2**-8)


def test_a_detector_that_cries_every_day_weighs_nothing() -> None:
    assert weight_of(fleet_of([0.0] * 5000, bits=20.0), 3, 20.0) < 0.2
    assert weight_of(fleet_of([0.0] * 5000, bits=8.0), 3, 20.0) > 16


def test_no_detector_weighs_more_than_its_bits() -> None:
    fleet = fleet_of([0.0] * 1_000_000)
    assert all(weight_of(fleet, 0, bits) <= bits for bits in (0.0, 4.0, 8.0, 30.0, 60.0))


def test_rarer_scores_have_smaller_p_values() -> None:
    fleet = fleet_of(list(np.random.default_rng(1).exponential(3, 5000)))
    row = new_profiles(1)[0]
    values = [p_value(row, fleet, score) for score in (0.0, 2.0, 5.0, 10.0, 20.0, 60.0)]
    assert values == sorted(values, reverse=True)
    assert all(0 < value <= 1 for value in values)


def test_the_alerting_share_of_days_is_the_budget() -> None:
    rng = np.random.default_rng(2)
    fleet = fleet_of(list(rng.gamma(1.5, 3.0, 50_000)))
    later = rng.gamma(1.5, 3.0, 50_000)
    row = new_profiles(1)[0]
    for budget in (0.001, 0.005, 0.02):
        share = np.mean([p_value(row, fleet, float(score)) <= budget for score in later])
        assert budget / 1.5 <= share <= budget * 1.5


def test_a_noisy_key_is_judged_by_its_own_days() -> None:
    fleet = fleet_of([1.0] * 5000)
    quiet, noisy = new_profiles(1), new_profiles(1)
    for _ in range(3):
        add_key_days(quiet, np.array([1.0], np.float32))
        add_key_days(noisy, np.array([22.0], np.float32))
    assert p_value(quiet[0], fleet, 21.0) < 0.005
    assert p_value(noisy[0], fleet, 21.0) > 0.05
    assert p_value(noisy[0], fleet, 40.0) < 0.005


def test_a_noisy_cohort_does_not_hide_the_others() -> None:
    both = fleet_of([30.0] * 300, cohort=1)
    both["score_days"] += fleet_of([1.0] * 20_000)["score_days"]
    busy = new_profiles(1)
    busy["rate_count"], busy["rate_minutes"] = 6000, 60
    assert cohort_of(busy)[0] == 1
    assert p_value(new_profiles(1)[0], both, 25.0) < 0.001
    assert p_value(busy[0], both, 25.0) > 0.2
