"""Objects and endpoints that a key never asked for: remembered, forgotten, and told from its habit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from detectors.base import Sights, Windows
from detectors.catalog.endpoint_mix import EndpointMix
from detectors.catalog.enumeration import Enumeration
from detectors.catalog.listed_network import ListedNetwork
from detectors.features import raw_features
from detectors.objects import new_objects, remember
from domain.profile import FLEET_DTYPE, OBJECT_BITS, WINDOW_DTYPE, new_profiles, object_bit
from monitor.baseline.teach import count_window, teach

FIRST = 30_000_000
"""A minute."""


def window(minute: int, ids: range, endpoints: tuple[int, ...] = (0,)) -> Any:
    """A minute of one request for each object."""
    row = np.zeros(1, WINDOW_DTYPE)
    row["minute"], row["count"] = minute, len(ids)
    row["first_ms"] = row["last_ms"] = minute * 60_000
    for bit in object_bit(np.array(ids, np.uint32)).tolist():
        row["object_sketch"][0, bit >> 3] |= 1 << (bit & 7)
    for bit in endpoints:
        row["endpoint_sketch"][0, bit >> 3] |= 1 << (bit & 7)
    row["endpoint"][0, 0] = len(ids)
    return row


def live(profiles: Any, row: Any, fleet: Any, *, held: bool = False) -> None:
    count_window(profiles, row)
    if not held:
        teach(profiles, row, raw_features(row, profiles), fleet, int(row["minute"][0]))


def windows(profiles: Any, row: Any, fleet: Any) -> Windows:
    return Windows(
        profile=profiles,
        window=row,
        fleet=fleet[0],
        minute=row["minute"].astype(np.int64),
        count=row["count"].astype(np.int64),
        closing=True,
    )


@pytest.fixture
def steady() -> tuple[Any, Any]:
    """A key that asked for the same hundred objects over and over, two a minute, and its fleet."""
    profiles, fleet = new_profiles(1), np.zeros(1, FLEET_DTYPE)
    for i in range(300):
        live(profiles, window(FIRST + i, range(2 * (i % 50), 2 * (i % 50) + 2)), fleet)
    assert 0 < profiles["novel_objects"][0] < 0.2, "it falls once all are known"
    profiles["novel_objects"] = 0.01
    return profiles, fleet


def test_objects_are_new_until_they_were_asked_for(steady: tuple[Any, Any]) -> None:
    profiles, _ = steady
    assert new_objects(window(0, range(0, 100)), profiles)[0] == 0
    assert new_objects(window(0, range(10_000, 10_100)), profiles)[0] == pytest.approx(100, rel=0.15)


def test_old_objects_are_forgotten_and_there_is_always_room_for_new_ones(steady: tuple[Any, Any]) -> None:
    profiles, _ = steady
    step = np.array([0.1], np.float32)
    for start in range(20_000, 30_000, 100):
        remember(profiles, window(0, range(start, start + 100)), step)
    assert new_objects(window(0, range(0, 100)), profiles)[0] == pytest.approx(100, rel=0.3)
    assert np.bitwise_count(profiles["objects_seen"]).sum(axis=2).max() <= OBJECT_BITS // 2
    assert new_objects(window(0, range(29_900, 30_000)), profiles)[0] == 0
    remember(profiles, window(0, range(50_000, 55_000)), step)
    assert new_objects(window(0, range(0, 100)), profiles)[0] > 60, "a flood leaves room"


def test_a_walk_through_ids_shows_within_the_hour_though_no_minute_is_odd(steady: tuple[Any, Any]) -> None:
    profiles, fleet = steady
    bits = []
    for i in range(12):
        own = window(FIRST + 300 + i, range(0, 2))
        walk = window(FIRST + 300 + i, range(50_000 + 4 * i, 50_004 + 4 * i))
        own["object_sketch"] |= walk["object_sketch"]
        own["count"] += 4
        bits.append(float(Enumeration().score(windows(profiles, own, fleet))[0]))
        live(profiles, own, fleet)
    assert max(bits[:2]) == 0
    assert max(bits) > 12
    after = window(FIRST + 313, range(0, 2))
    assert Enumeration().score(windows(profiles, after, fleet))[0] == 0, "the owner is not charged with it"


def test_a_key_that_always_asks_for_new_objects_does_not_walk() -> None:
    profiles, fleet = new_profiles(1), np.zeros(1, FLEET_DTYPE)
    for i in range(300):
        live(profiles, window(FIRST + i, range(10 * i, 10 * i + 10)), fleet)
    assert Enumeration().score(windows(profiles, window(FIRST + 300, range(9000, 9014)), fleet))[0] < 6


@pytest.mark.parametrize("held", [True, False])
def test_new_endpoints_count_together_over_hours(steady: tuple[Any, Any], held: bool) -> None:
    profiles, fleet = steady
    detector, bits = EndpointMix(), []
    for i in range(4):
        row = window(FIRST + 300 + 60 * i, range(0, 2), endpoints=(0, 9 + i))
        bits.append(float(detector.score(windows(profiles, row, fleet))[0]))
        live(profiles, row, fleet, held=held)
    assert bits[3] > bits[0] + 1
    late = window(FIRST + 300 + 900, range(0, 2), endpoints=(0, 100))
    assert detector.score(windows(profiles, late, fleet))[0] < bits[3]
    known = window(FIRST + 300 + 181, range(0, 2))
    assert detector.score(windows(profiles, known, fleet))[0] == 0


def test_a_list_that_no_key_uses_tells_more() -> None:
    fleet, row = np.zeros(1, FLEET_DTYPE), window(FIRST, range(0, 1))
    row["net_listed"][0, 0] = 0b10
    users = new_profiles(1)
    for i in range(100):
        users = new_profiles(1)
        live(users, row if i < 50 else window(FIRST, range(0, 1)), fleet)
    assert fleet["listed_keys"][0].tolist() == [0, 50, 0, 0, 0, 0, 0, 0]
    profiles = new_profiles(2)
    profiles["novel_windows"] = profiles["windows"] = 1000
    column = np.zeros(2)
    sights = Sights(
        profile=profiles, fleet=fleet[0], minute=np.full(2, FIRST + 1000), listed=np.array([1, 2], np.uint8),
        prefix=column.astype(np.uint64), asn=column.astype(np.uint32), country=column.astype(np.uint16),
        lat=column.astype(np.float32), lon=column.astype(np.float32), distinct=column.astype(np.int64),
    )  # fmt: skip
    unused, usual = ListedNetwork(("tor", "vpn")).score(sights)
    assert unused - usual == pytest.approx(5, abs=0.2)
