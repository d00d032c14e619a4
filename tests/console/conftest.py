"""A console on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from monitor.connect import connect_redis
from tests.console.house import House


@pytest.fixture
def house(redis_url: str) -> Iterator[House]:
    client = connect_redis(redis_url)
    yield House(client)
    client.close()
