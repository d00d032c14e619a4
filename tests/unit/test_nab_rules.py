"""NAB's scoring rules, against sums done by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from benchmarks.nab_rules import OUTSIDE, PROFILES, File, Profile, probation, score, sigmoid, worth

STANDARD, LOW_FP, LOW_FN = PROFILES


def squashed(position: float) -> float:
    """2 / (1 + e^(5 x)) - 1, as the paper prints it."""
    return 2 / (1 + math.exp(5 * position)) - 1


def file(rows: int, windows: list[tuple[int, int]], *alarms: int) -> File:
    scores = np.zeros(rows)
    scores[list(alarms)] = 1.0
    return File(scores, windows)


def test_the_sigmoid_is_the_papers() -> None:
    got = sigmoid(np.array([-1.0, -0.5, 0.0, 0.5, 3.0, 3.01, 50.0]))
    hand = [0.986614, 0.848284, 0.0, -0.848284, -0.9999994, -1.0, -1.0]
    np.testing.assert_allclose(got, hand, atol=1e-6)


@pytest.mark.parametrize(("rows", "first"), [(100, 15), (4032, 604), (5000, 750), (22_695, 750), (3, 0)])
def test_fifteen_percent_are_probation_and_at_most_750(rows: int, first: int) -> None:
    assert probation(rows) == first


def test_an_alarm_at_the_left_edge_of_its_window_is_perfect() -> None:
    got = score([file(100, [(40, 49)], 40)], STANDARD)
    assert got.score == pytest.approx(100.0)
    assert (got.windows, got.found, got.alarms) == (1, 1, 0)


def test_no_alarm_worth_its_cost_is_the_null_detector() -> None:
    got = score([file(100, [(40, 49)], 30)], STANDARD)
    assert got.score == pytest.approx(0.0)
    assert (got.found, got.alarms) == (0, 0)
    assert got.threshold == np.inf


def test_a_later_alarm_earns_the_sigmoid_of_its_place() -> None:
    # row 45 of 40..49: five rows with itself to the right edge, of ten
    earned = squashed(-0.5) / squashed(-1.0)
    assert score([file(100, [(40, 49)], 45)], STANDARD).score == pytest.approx(100 * (earned + 1) / 2)


def test_only_the_earliest_alarm_of_a_window_counts() -> None:
    once, often = file(100, [(40, 49)], 45), file(100, [(40, 49)], 45, 46, 47, 49)
    assert score([often], STANDARD) == score([once], STANDARD)


def test_an_alarm_before_any_window_costs_one_false_alarm() -> None:
    got = score([file(100, [(40, 49)], 30, 40)], STANDARD)
    assert got.score == pytest.approx(100 * (1 - 0.11 + 1) / 2)
    assert got.alarms == 1


def test_an_alarm_shortly_after_a_window_costs_less() -> None:
    # row 52 is 3 past the right edge; the window is 10 long, so 3/9
    cost = 0.11 * squashed(3 / 9)
    got = score([file(100, [(40, 49)], 40, 52)], STANDARD)
    assert got.score == pytest.approx(100 * (1 + cost + 1) / 2)
    far = score([file(100, [(40, 49)], 40, 90)], STANDARD)
    assert far.score == pytest.approx(100 * (1 - 0.11 + 1) / 2)


def test_nothing_in_the_probation_earns_or_costs() -> None:
    assert score([file(100, [(40, 49)], 3, 14, 40)], STANDARD).score == pytest.approx(100.0)
    halfway = score([file(100, [(10, 19)], 12, 18)], STANDARD)
    assert halfway.score == pytest.approx(100 * (squashed(-0.2) / squashed(-1.0) + 1) / 2)
    assert score([file(100, [(2, 9), (40, 49)], 40)], STANDARD).windows == 1


def test_profiles_weigh_misses_and_false_alarms() -> None:
    files = [file(100, [(40, 49), (70, 79)], 30, 40)]
    assert score(files, STANDARD).score == pytest.approx(100 * (1 - 1 - 0.11 + 2) / 4)
    assert score(files, LOW_FP).score == pytest.approx(100 * (1 - 1 - 0.22 + 2) / 4)
    assert score(files, LOW_FN).score == pytest.approx(100 * (1 - 2 - 0.11 + 4) / 6)


def test_one_threshold_serves_all_files() -> None:
    """Each file alone would be perfect at a threshold of its own; together the alarm at 0.5 must go."""
    first = File(np.where(np.arange(100) == 40, 0.4, 0.0), [(40, 49)])
    second = file(100, [(40, 49)], 40)
    second.scores[20:30] = 0.5
    alone = [score([one], STANDARD).score for one in (first, second)]
    both = score([first, second], STANDARD)
    assert alone == [pytest.approx(100.0)] * 2
    assert both.threshold == 0.4
    assert both.score == pytest.approx(100 * (2 - 10 * 0.11 + 2) / 4)


def test_equal_scores_are_alarms_together() -> None:
    got = score([file(100, [(40, 49)], *range(20, 100))], STANDARD)
    value, number = worth(100, [(40, 49)])
    outside = 0.11 * value[20:][number[20:] == OUTSIDE].sum()
    assert got.score == pytest.approx(max(0.0, 100 * (1 + outside + 1) / 2))


def by_the_book(files: list[File], profile: Profile) -> float:
    """Every threshold tried in turn, row by row."""
    best, windows = -math.inf, 0
    thresholds = {math.inf, *(float(s) for f in files for s in f.scores)}
    for threshold in thresholds:
        total, windows = 0.0, 0
        for one in files:
            value, number = worth(len(one.scores), one.windows)
            live = np.arange(len(one.scores)) >= probation(len(one.scores))
            alarms = (one.scores >= threshold) & live
            total += profile.fp * float(value[alarms & (number == OUTSIDE)].sum())
            for i in {*number[live].tolist()} - {OUTSIDE}:
                windows += 1
                inside = value[alarms & (number == i)]
                total += profile.tp * float(inside.max()) if len(inside) else -profile.fn
        best = max(best, total)
    return 100 * (best + profile.fn * windows) / ((profile.tp + profile.fn) * windows)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_the_sweep_is_what_trying_every_threshold_gives(profile: Any) -> None:
    rng = np.random.default_rng(5)
    windows = [[(30, 44), (60, 70)], [(10, 25)], []]
    files = [File(np.round(rng.random(120), 2), found) for found in windows]
    for one in files[:2]:
        one.scores[35], one.scores[18] = 1.5, 1.2
    assert score(files, profile).score == pytest.approx(by_the_book(files, profile))
