"""What is kept of a key's last day, and the picture that is made of it."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.picture import HOUR_MS, KeyPicture
from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE, new_profiles
from monitor.baseline.hours import HOURS, count_hours, requests_in
from monitor.checkpoint.memory import MemoryStateStore
from monitor.key_picture import picture_of
from tests.pipelines import TOPIC, memory_pipeline, to_the_end

START_HOUR = 494_520  # a Monday, 00:00 UTC
windows = st.lists(
    st.tuples(st.integers(0, 3 * 24 * 60), st.integers(1, 5_000)), min_size=1, max_size=30
).map(sorted)


@given(seen=windows, looked_at=st.integers(0, 40))
def test_each_of_the_last_24_hours_is_what_it_was(seen: list[tuple[int, int]], looked_at: int) -> None:
    row = new_profiles(1)
    for minute, count in seen:
        window = np.zeros(1, WINDOW_DTYPE)
        window["count"] = count
        count_hours(row, window, START_HOUR * 60 + minute)
    first, last = (START_HOUR + minute // 60 for minute in (seen[0][0], seen[-1][0]))
    hour = last - looked_at
    found = requests_in(row[0], hour)
    truth = sum(count for minute, count in seen if START_HOUR + minute // 60 == hour)
    if hour <= last - HOURS or hour < first:
        assert found is None
    else:
        assert found == pytest.approx(truth, rel=0.02)
    assert requests_in(row[0], last + 1) == 0.0


def test_keys_of_one_batch_turn_their_hours_each_for_itself() -> None:
    rows, window = new_profiles(3), np.zeros(3, WINDOW_DTYPE)
    window["count"] = 10
    count_hours(rows[:1], window[:1], START_HOUR * 60)
    count_hours(rows[1:2], window[1:2], (START_HOUR + 2) * 60)
    count_hours(rows, window, (START_HOUR + 3) * 60)
    hours = [[requests_in(row, START_HOUR + n) for n in range(4)] for row in rows]
    assert hours == [[10, 0, 0, 10], [None, None, 10, 10], [None, None, None, 10]]


def test_a_picture_has_what_is_usual_and_what_was() -> None:
    quiet = [(START_HOUR + hour) * HOUR_MS + second * 60_000 for hour in range(30) for second in range(40)]
    loud = [(START_HOUR + 30) * HOUR_MS + i * 100 for i in range(900)]
    store = MemoryStateStore(TOPIC)
    event = {"key_id": "key_a", "ip": "198.18.0.1", "country": "NL", "asn": 64496, "lat": 52.4, "lon": 4.9}
    to_the_end(memory_pipeline([json.dumps({**event, "ts": ts}).encode() for ts in (*quiet, *loud)], store))
    (raw,) = store.load_profiles(0, ["key_a"])
    assert raw is not None
    row = np.frombuffer(raw, PROFILE_DTYPE)[0]
    minute = (START_HOUR + 30) * 60
    picture = picture_of(row, {minute: 600, minute + 1: 300}, (START_HOUR + 30) * HOUR_MS + 120_000)
    assert msgspec.json.decode(msgspec.json.encode(picture), type=KeyPicture) == picture
    assert len(picture.actual) == len(picture.expected) == 24
    assert picture.actual[-1] == 900
    assert picture.actual[:-1] == pytest.approx([40.0] * 23, abs=1)
    assert picture.expected[0] == pytest.approx(40.0, abs=1)
    assert all(
        low <= mean <= high
        for low, mean, high in zip(picture.low, picture.expected, picture.high, strict=True)
    )
    assert picture.minutes == [600, 300]
    assert [share.name for share in picture.countries] == ["NL"]
    assert [share.name for share in picture.operators] == ["AS64496"]
    assert (picture.places[0].lat, picture.places[0].usual) == (52.4, True)


def test_a_key_seen_for_the_first_time_has_a_picture_too() -> None:
    row = new_profiles(1)[0]
    picture = picture_of(row, {START_HOUR * 60: 3}, START_HOUR * HOUR_MS + 5)
    assert picture.actual == [None] * 23 + [3.0]
    assert picture.expected == [0.0] * 24
    assert picture.countries == []
