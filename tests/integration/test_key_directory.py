"""All keys page by page, on every kind of Redis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domain.errors import Rejected
from domain.overview import KeyLine
from domain.profile import new_profiles
from monitor.baseline.migrate import layout
from monitor.checkpoint.redis import RedisStateStore
from monitor.connect import connect_redis
from monitor.key_directory import LIMIT, RedisKeyDirectory


class Filled:
    """Partitions with rows of keys."""

    def __init__(self, url: str, sizes: dict[int, int]) -> None:
        self.client: Any = connect_redis(url)
        self.store = RedisStateStore(self.client, "t")
        self.lines: set[KeyLine] = set()
        for partition, size in sizes.items():
            self.store.claim(partition, b"fence")
            if size:
                self.fill(partition, size)
        self.directory = RedisKeyDirectory(self.client, self.store, self.store.partitions)

    def fill(self, partition: int, size: int) -> None:
        rows = new_profiles(size)
        rows["tenant"] = b"acme"
        names = [f"key_\u212a{partition}_{i}" for i in range(size)]
        for i, row in enumerate(rows):
            row["first_ms"], row["last_ms"], row["events"] = 1_000 + i, 2_000 + i, 10 * i
        values = {name: row.tobytes() for name, row in zip(names, rows, strict=True)}
        self.client.hset(self.store.key(partition, "profiles"), mapping=values)
        self.lines |= {KeyLine(name, 1_000 + i, 2_000 + i, 10 * i) for i, name in enumerate(names)}

    def pages(self, limit: int) -> list[list[KeyLine]]:
        out, cursor = list[list[KeyLine]](), ""
        while True:
            page = self.directory.page(cursor, limit)
            out.append(list(page.keys))
            cursor = page.cursor
            if not cursor:
                return out


def test_pages_hold_every_key_of_every_partition(any_redis: str) -> None:
    filled = Filled(any_redis, {0: 700, 1: 0, 2: 3, 7: 250})
    pages = filled.pages(50)
    seen = [line for page in pages for line in page]
    assert set(seen) == filled.lines
    assert max(map(len, pages)) < 80
    filled.client.close()


def test_small_partitions_share_a_page(any_redis: str) -> None:
    filled = Filled(any_redis, dict.fromkeys(range(6), 2))
    assert len(filled.pages(50)) == 1
    assert 4 <= len(filled.directory.page("", 4).keys) < 12
    filled.client.close()


@pytest.mark.redis
def test_no_keys_and_no_partitions(redis_url: str) -> None:
    filled = Filled(redis_url, {})
    assert filled.pages(50) == [[]]
    filled.store.claim(0, b"fence")
    assert filled.pages(50) == [[]]
    filled.client.close()


@pytest.mark.redis
def test_a_page_is_bounded_whatever_is_asked_for(redis_url: str) -> None:
    filled = Filled(redis_url, {0: 3 * LIMIT})
    assert len(filled.directory.page("", 1_000_000).keys) < 2 * LIMIT
    assert len(filled.directory.page("", 0).keys) < 20
    filled.client.close()


@pytest.mark.redis
@pytest.mark.parametrize("cursor", ["x", "0", "0.", "0.-1", "5.0", f"0.{1 << 64}", "0.1\n", "0.1 2"])
def test_a_cursor_that_no_page_gave_is_rejected(redis_url: str, cursor: str) -> None:
    filled = Filled(redis_url, {0: 10})
    with pytest.raises(Rejected):
        filled.directory.page(cursor)
    filled.client.close()


@pytest.mark.redis
def test_rows_of_an_older_version_are_listed_too(redis_url: str) -> None:
    filled = Filled(redis_url, {0: 0})
    row = new_profiles(1)
    old = layout(row.dtype, 1)
    older = np.zeros(1, old)
    older["first_ms"], older["last_ms"], older["events"] = 5, 6, 7
    filled.client.hset(filled.store.key(0, "profiles"), "key", older.tobytes())
    assert filled.pages(50) == [[KeyLine("key", 5, 6, 7)]]
    filled.client.close()
