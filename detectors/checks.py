"""What every detector must keep: run on columns of any origin, so that new detectors are held to the same.

Each check raises ``AssertionError`` with the detector's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from detectors.base import MAX_BITS, SightDetector, Sights, SurgeDetector, Surges, WindowDetector, Windows
from domain.profile import new_profiles

Columns = TypeVar("Columns", Sights, Windows, Surges)
Detector = SightDetector | WindowDetector | SurgeDetector


def check(detector: Any, columns: Columns) -> None:
    """All checks that hold for every kind of detector."""
    for one in (_bounded, _pure, _repeatable, _row_by_row, _cold_is_not_ready, _explains):
        one(detector, columns)
    if isinstance(columns, Windows) and detector.grows:
        _grows(detector, columns)


def _columns(columns: Columns) -> list[str]:
    return [f.name for f in fields(columns) if f.name not in ("fleet", "closing")]


def _rows(columns: Columns, pick: Any) -> Columns:
    return replace(columns, **{name: getattr(columns, name)[pick] for name in _columns(columns)})


def _bounded(detector: Any, columns: Columns) -> None:
    bits = detector.score(columns)
    assert bits.shape == (len(columns),), f"{detector.name}: one score a row"
    ready = bits[~np.isnan(bits)]
    assert ((ready >= 0) & (ready <= MAX_BITS)).all(), f"{detector.name}: bits outside 0..{MAX_BITS}"


def _pure(detector: Any, columns: Columns) -> None:
    before = {name: getattr(columns, name).tobytes() for name in _columns(columns)}
    fleet = columns.fleet.tobytes()
    detector.score(columns)
    after = {name: getattr(columns, name).tobytes() for name in _columns(columns)}
    assert before == after, f"{detector.name}: input changed"
    assert fleet == columns.fleet.tobytes(), f"{detector.name}: fleet changed"


def _repeatable(detector: Any, columns: Columns) -> None:
    first, second = detector.score(columns), detector.score(columns)
    assert first.tobytes() == second.tobytes(), f"{detector.name}: two answers to one question"


def _row_by_row(detector: Any, columns: Columns) -> None:
    """A row's score is its own: it does not depend on which rows came with it."""
    whole = detector.score(columns)
    order = np.arange(len(columns))[::-1]
    np.testing.assert_array_equal(detector.score(_rows(columns, order)), whole[order], detector.name)
    for i in range(0, len(columns), max(len(columns) // 10, 1)):
        np.testing.assert_array_equal(
            detector.score(_rows(columns, slice(i, i + 1))), whole[i : i + 1], detector.name
        )


def _cold_is_not_ready(detector: Any, columns: Columns) -> None:
    """Without a baseline nothing is a surprise: NaN, or at the most what the cohort says of volume."""
    cold = replace(columns, profile=new_profiles(len(columns)))
    bits = detector.score(cold)
    loud = ~np.isnan(bits) & (bits > 0)
    assert not loud.any() or detector.kind.value == "volume", f"{detector.name}: surprised by a new key"


def _explains(detector: Any, columns: Columns) -> None:
    bits = detector.score(columns)
    for i in np.flatnonzero(bits > 0)[:20].tolist():
        lines = detector.explain(columns, i)
        assert lines, f"{detector.name}: a score without evidence"
        assert all(line.what and line.expected and line.actual for line in lines), detector.name
        assert [line.bits for line in lines] == sorted((line.bits for line in lines), reverse=True), (
            f"{detector.name}: strongest evidence first"
        )


def _grows(detector: Any, windows: Windows) -> None:
    """More requests are never less surprising, or growth could not be found by bisection."""
    score: Callable[[int], Any] = lambda n: detector.score(  # noqa: E731
        replace(windows, closing=False, count=np.full(len(windows), n, np.int64))
    )
    last = np.full(len(windows), -1.0)
    for count in (1, 2, 5, 10, 20, 21, 30, 60, 120, 500, 3_000, 50_000, 10_000_000):
        bits = np.nan_to_num(score(count), nan=-1.0)
        assert (bits >= last - 1e-9).all(), f"{detector.name}: fewer bits at {count} requests"
        last = bits
