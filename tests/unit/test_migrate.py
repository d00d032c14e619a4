"""Rows of every schema there was: their layout, how they load, how ours are written as theirs."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from domain.errors import Fatal, Reason, Refused
from domain.profile import FLEET_DTYPE, NEVER, PROFILE_DTYPE, SCHEMA_VERSION, WINDOW_DTYPE
from monitor.baseline.migrate import STEPS, as_of, layout, row_of

Dtype = np.dtype[np.void]

TYPES = {"profile": PROFILE_DTYPE, "window": WINDOW_DTYPE, "fleet": FLEET_DTYPE}
RECORDED = {
    1: {"profile": (1809, "5731075020fa"), "window": (705, "ebd9056d01d2"), "fleet": (23222, "690246b3a63a")},
    2: {"profile": (1986, "e7a4444e7ef4"), "window": (737, "c13e71edae7e"), "fleet": (49850, "3b0d462c147a")},
    3: {"profile": (3203, "2adc070952f2"), "window": (929, "c92a52d37b75"), "fleet": (49882, "e22ff7e2abd0")},
}
"""Bytes of a row, and a hash of its fields: what releases have written stays as it was."""
OLDER = range(1, SCHEMA_VERSION)


def fingerprint(dtype: Dtype) -> tuple[int, str]:
    return dtype.itemsize, hashlib.sha256(repr(dtype.descr).encode()).hexdigest()[:12]


def noise(dtype: Dtype, seed: int) -> np.void:
    """A row of any bytes; its floats are such as a row may hold."""
    rng = np.random.default_rng(seed)
    row = np.frombuffer(rng.bytes(dtype.itemsize), dtype).copy()
    for name in dtype.names or ():
        if row[name].dtype.kind == "f":
            row[name] = rng.uniform(0, 64, row[name].shape)
    out: np.void = row[0]
    return out


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION + 1))
def test_the_layout_of_every_schema_is_the_recorded_one(version: int) -> None:
    found = {name: fingerprint(layout(dtype, version)) for name, dtype in TYPES.items()}
    assert found == RECORDED[version]


def test_every_schema_has_its_step_and_its_record() -> None:
    assert [step.version for step in STEPS] == list(range(2, SCHEMA_VERSION + 1))
    assert list(RECORDED) == list(range(1, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("version", OLDER)
def test_an_older_row_keeps_all_it_knew_there_and_back(version: int, name: str) -> None:
    dtype = TYPES[name]
    old = noise(layout(dtype, version), version)
    if "version" in (dtype.names or ()):
        old["version"] = version
    ours = row_of(old.tobytes(), dtype)
    changed = {field for step in STEPS if step.version > version for field in step.changed}
    for field in set(old.dtype.names or ()) - changed - {"version"}:
        assert np.array_equal(ours[field], old[field]), field
    back = np.frombuffer(as_of(ours.tobytes(), dtype, version), old.dtype)[0]
    for field in set(old.dtype.names or ()) - changed:
        assert np.array_equal(back[field], old[field]), field


@pytest.mark.parametrize("version", OLDER)
def test_a_row_written_as_an_older_one_loads_again(version: int) -> None:
    ours = noise(PROFILE_DTYPE, 7)
    ours["version"] = SCHEMA_VERSION
    again = row_of(as_of(ours.tobytes(), PROFILE_DTYPE, version), PROFILE_DTYPE)
    assert (again["version"], again["events"]) == (SCHEMA_VERSION, ours["events"])


def test_what_schema_1_did_not_know_starts_as_in_a_new_row() -> None:
    old = np.zeros(1, layout(PROFILE_DTYPE, 1))
    old["version"], old["tenant"], old["endpoint_share"][0, 3] = 1, b"acme", 0.5
    row = row_of(old.tobytes(), PROFILE_DTYPE)
    assert (row["version"], row["day"], row["pending_day"]) == (SCHEMA_VERSION, NEVER, NEVER)
    assert row["endpoint_seen"].any()


def test_what_schema_2_did_not_know_surprises_nobody() -> None:
    old = np.zeros(1, layout(PROFILE_DTYPE, 2))
    old["version"], old["windows"] = 2, 500
    row = row_of(old.tobytes(), PROFILE_DTYPE)
    assert (row["novel_objects"], row["fresh_endpoints_minute"], row["listed_counted"]) == (1.0, NEVER, 0)


@pytest.mark.parametrize("name", ["profile", "fleet"])
@pytest.mark.parametrize("more", [0, 8])
def test_a_row_of_a_newer_schema_is_refused_whatever_its_length(name: str, more: int) -> None:
    row = np.zeros(1, TYPES[name])
    row["version"] = SCHEMA_VERSION + 1
    with pytest.raises(Refused, match=f"schema {SCHEMA_VERSION + 1}") as error:
        row_of(row.tobytes() + b"\0" * more, TYPES[name])
    assert error.value.reason is Reason.NEWER_SCHEMA


@pytest.mark.parametrize("name", TYPES)
def test_bytes_of_no_known_version_stop_the_daemon(name: str) -> None:
    with pytest.raises(Fatal) as error:
        row_of(b"\1\0" + b"x" * 98, TYPES[name])
    assert error.value.reason is Reason.CORRUPT
