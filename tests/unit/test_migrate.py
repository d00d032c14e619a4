"""Rows of schema 1 load, keep what they knew, and are written as schema 2."""

from __future__ import annotations

import numpy as np
import pytest

from domain.errors import Fatal, Reason
from domain.profile import FLEET_DTYPE, NEVER, PROFILE_DTYPE, SCHEMA_VERSION, WINDOW_DTYPE
from monitor.baseline.migrate import before_2, row_of

SIZES_OF_SCHEMA_1 = {"profile": 1809, "fleet": 23222}


def test_the_old_layout_is_the_one_that_was_written() -> None:
    assert before_2(PROFILE_DTYPE).itemsize == SIZES_OF_SCHEMA_1["profile"]
    assert before_2(FLEET_DTYPE).itemsize == SIZES_OF_SCHEMA_1["fleet"]


def test_an_old_profile_keeps_what_it_knew() -> None:
    old = np.zeros(1, before_2(PROFILE_DTYPE))
    old["version"], old["tenant"], old["events"], old["prefix"][0, 3] = 1, b"acme", 4711, 99
    row = row_of(old.tobytes(), PROFILE_DTYPE)
    assert (row["tenant"], row["events"], row["prefix"][3]) == (b"acme", 4711, 99)
    assert (row["version"], row["day"], row["pending_day"]) == (SCHEMA_VERSION, NEVER, NEVER)
    assert row_of(row.tobytes(), PROFILE_DTYPE).tobytes() == row.tobytes()


def test_an_old_fleet_keeps_what_it_knew() -> None:
    old = np.zeros(1, before_2(FLEET_DTYPE))
    old["keys"], old["log_rate_n"] = 12, 3.0
    row = row_of(old.tobytes(), FLEET_DTYPE)
    assert (row["keys"], row["log_rate_n"], row["score_days"].sum()) == (12, 3.0, 0)


@pytest.mark.parametrize("dtype", [PROFILE_DTYPE, WINDOW_DTYPE, FLEET_DTYPE])
def test_bytes_of_no_known_version_stop_the_daemon(dtype: np.dtype[np.void]) -> None:
    with pytest.raises(Fatal) as error:
        row_of(b"x" * 100, dtype)
    assert error.value.reason is Reason.CORRUPT
