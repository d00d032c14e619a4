"""The figures of docs/sizing.md come from rows that are really in the server."""

from __future__ import annotations

import pytest

from benchmarks.memory import profiles_in, windows_in
from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE
from monitor.connect import connect_redis

KEYS = 2_000


@pytest.mark.redis
def test_a_row_costs_its_bytes_and_a_little_more(redis_url: str) -> None:
    client = connect_redis(redis_url)
    assert 1.0 < profiles_in(client, KEYS) / PROFILE_DTYPE.itemsize < 1.3
    assert 1.0 < windows_in(client, KEYS) / WINDOW_DTYPE.itemsize < 1.4
    client.close()
