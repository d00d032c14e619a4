"""Every detector of the catalogue through the conformance suite, on profiles a stream has taught."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.base import Sights, Surges, Windows
from detectors.catalog import sight_detectors, surge_detectors, window_detectors
from detectors.catalog.isolation_forest import IsolationForestDetector
from detectors.catalog.probing import Probing
from detectors.checks import check
from detectors.forest import ForestModel, fit
from domain.profile import OBJECT_BITS, WINDOW_DTYPE
from monitor.baseline.partition import PartitionState
from monitor.checkpoint.memory import MemoryStateStore
from monitor.forest import train
from tests.faults.streams import scenario_lines
from tests.pipelines import TOPIC, memory_pipeline, to_the_end

SIGHTS = sight_detectors()
WINDOWS = [d for d in window_detectors() if not isinstance(d, IsolationForestDetector)]


@pytest.fixture(scope="module")
def taught() -> tuple[PartitionState, list[bytes]]:
    store = MemoryStateStore(TOPIC)
    pipeline = memory_pipeline(scenario_lines("steady")[:16_000], store)
    to_the_end(pipeline)
    return pipeline.parts[0], store.samples([0])


def picked(part: PartitionState, count: int, rng: np.random.Generator) -> Any:
    return part.profiles[rng.integers(0, len(part.key_ids), count)].copy()


def other_habits(profiles: Any, minute: int) -> None:
    """Makes every third key one that only reads, asks for few objects, sleeps at this hour and is dormant,
    and every third one that has grown for hours and is busy."""
    quiet, busy = profiles[::3], profiles[1::3]
    month_ms = 30 * 86_400_000
    quiet["write_share"] = 0
    quiet["feature_mean"][:, 12], quiet["feature_square"][:, 12] = 0.1, 0.02
    quiet["hour_level"], quiet["hour_weeks"] = 0, 4
    quiet["last_ms"] = minute * 60_000 - 2 * month_ms
    quiet["first_ms"] = minute * 60_000 - 3 * month_ms
    busy["cusum"], busy["reference_hours"], busy["reference_mean"] = 20, 100, 2
    busy["rate_count"], busy["rate_minutes"] = 6000, 60
    busy["hour_level"], busy["hour_weeks"], busy["hour_open"] = 12, 4, minute // 60
    busy["first_ms"], busy["last_home"] = minute * 60_000 - month_ms, minute - 60
    busy["novel_windows"], busy["novel_prefix"] = 1000, 1
    busy["refused_hour"] = 40
    busy["tick"], busy["ticks"], busy["tick_count"] = minute // 10 - 1, 500, 2000
    busy["tick_level"], busy["tick_spread"], busy["tick_days"][:, :, 4] = 10, 1, 4000
    profiles[::3], profiles[1::3] = quiet, busy


@pytest.fixture
def sights(taught: tuple[PartitionState, list[bytes]]) -> Sights:
    part, _ = taught
    rng = np.random.default_rng(1)
    profiles = picked(part, 300, rng)
    known = rng.random(300) < 0.3
    fleet = part.fleet[0].copy()
    fleet["prefix_fresh"][:200] = 30
    return Sights(
        profile=profiles,
        fleet=fleet,
        minute=np.full(300, part.minute, np.int64),
        prefix=np.where(known, profiles["prefix"][:, 0], rng.integers(1, 2**40, 300).astype(np.uint64)),
        asn=np.where(known, profiles["asn"][:, 0], rng.integers(0, 2**16, 300)).astype(np.uint32),
        country=np.where(known, profiles["country"][:, 0], rng.integers(0, 677, 300)).astype(np.uint16),
        lat=rng.uniform(-90, 90, 300).astype(np.float32),
        lon=np.where(rng.random(300) < 0.2, np.nan, rng.uniform(-180, 180, 300)).astype(np.float32),
        listed=rng.integers(0, 4, 300).astype(np.uint8),
        distinct=rng.integers(1, 200, 300),
    )


@pytest.fixture(params=[True, False], ids=["closing", "open"])
def windows(request: pytest.FixtureRequest, taught: tuple[PartitionState, list[bytes]]) -> Windows:
    part, _ = taught
    rng = np.random.default_rng(2)
    profiles = picked(part, 300, rng)
    other_habits(profiles, part.minute)
    rows = np.zeros(300, WINDOW_DTYPE)
    rows["minute"] = part.minute
    rows["count"] = rng.lognormal(3, 1.5, 300).astype(np.uint32) + 1
    rows["endpoint"][:, 3] = rows["count"]
    rows["status"][:, 2] = rows["count"]
    rows["bytes_out"] = rng.integers(0, 10**7, 300)
    rows["client"][:, 0], rows["client_count"][:, 0] = 12345, rows["count"]
    rows["prefix"][:, 0], rows["net_count"][:, 0] = rng.integers(1, 2**40, 300), rows["count"]
    rows["writes"] = rows["count"] // 2
    rows["object_sketch"] = rng.integers(0, 256, (300, OBJECT_BITS // 8))
    rows["beats"] = (rows["count"] // 12)[:, None]
    return Windows(
        profile=profiles,
        window=rows,
        fleet=part.fleet[0].copy(),
        minute=np.full(300, part.minute, np.int64),
        count=rows["count"].astype(np.int64),
        closing=bool(request.param),
    )


@pytest.mark.parametrize("detector", SIGHTS, ids=lambda d: d.name)
def test_sight_detector_conforms(detector: Any, sights: Sights) -> None:
    check(detector, sights)
    assert np.nanmax(detector.score(sights)) > 10, "some of these are thieves"


@pytest.mark.parametrize("detector", WINDOWS, ids=lambda d: d.name)
def test_window_detector_conforms(detector: Any, windows: Windows) -> None:
    check(detector, windows)
    assert np.nanmax(detector.score(windows)) > 10, "some of these are misuse"


@pytest.mark.parametrize("detector", surge_detectors(), ids=lambda d: d.name)
def test_surge_detector_conforms(detector: Any, windows: Windows) -> None:
    surges = Surges(
        profile=windows.profile,
        fleet=windows.fleet,
        minute=windows.minute,
        count=windows.count,
        amount=detector.least * np.random.default_rng(3).lognormal(2, 3, len(windows)),
    )
    check(detector, surges)
    assert np.nanmax(detector.score(surges)) > 10, "some of these are misuse"


def test_isolation_forest_conforms(windows: Windows, taught: tuple[PartitionState, list[bytes]]) -> None:
    _, samples = taught
    model = train(samples, 7)
    again = ForestModel.from_bytes(model.to_bytes())
    detector = IsolationForestDetector(fit(model))
    check(detector, windows)
    bits = detector.score(windows)
    np.testing.assert_array_equal(IsolationForestDetector(fit(again)).score(windows), bits)
    assert np.nanmax(bits) > 4, "these windows are unlike any of training"


def test_isolation_forest_without_a_forest_is_not_ready(windows: Windows) -> None:
    assert np.isnan(IsolationForestDetector().score(windows)).all()


@pytest.mark.parametrize("raw", [b"", b"KWF1", b"x" * 200])
def test_a_damaged_forest_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):
        ForestModel.from_bytes(raw)


def test_probing_charges_nobody_with_what_a_thief_tried_before(windows: Windows) -> None:
    windows.profile["windows"], windows.profile["last_ms"] = 100, windows.minute * 60_000
    windows.profile["refused_hour"], windows.profile["status_share"][:, 2:5] = 138, 0.0
    windows.window["status"], windows.count[:] = 0, 20
    windows.window["status"][:150, 2], windows.window["status"][150:, 2] = 1, 5
    bits = Probing().score(windows)
    assert (bits[:150] == 0).all()
    assert (bits[150:] > 20).all()


def test_a_few_refusals_of_a_batch_job_are_no_probing(windows: Windows) -> None:
    windows.profile["windows"], windows.profile["last_ms"] = 100, windows.minute * 60_000
    windows.profile["refused_hour"], windows.profile["status_share"][:, 2:5] = 8, 0.0
    windows.profile["requests_hour"][:150], windows.profile["requests_hour"][150:] = 2000, 10
    windows.window["status"], windows.count[:] = 0, 30
    windows.window["status"][:, 3] = 4
    bits = Probing().score(windows)
    assert (bits[:150] < 2).all()
    assert (bits[150:] > 20).all()
