"""Bytes that a key's profile and an open window take in Redis, written by the daemon's own commits.

``python -m benchmarks.memory [--keys N] [--store redis|valkey]``. A real server, started for it; what is
shown is the growth of its ``used_memory``, a row.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any, Final

from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE
from monitor.checkpoint.base import Commit, CommitResult
from monitor.checkpoint.redis import RedisStateStore
from monitor.connect import connect_redis
from tests.servers import server

ROWS: Final = 500
"""Rows a commit."""


def key_ids(count: int) -> list[str]:
    """As long as those that keywatch issues."""
    return [f"key_{number:016d}" for number in range(count)]


def profiles_in(client: Any, keys: int) -> float:
    """Bytes a key for its profile alone."""
    before, fence, store = used(client), b"", RedisStateStore(client, "bench")
    ids = key_ids(keys)
    for at in range(0, keys, ROWS):
        rows = {key_id: bytes(PROFILE_DTYPE.itemsize) for key_id in ids[at : at + ROWS]}
        fence = committed(store, Commit(expected=fence, fence=b"%d" % at, offset=at, profiles=rows))
    return (used(client) - before) / keys


def windows_in(client: Any, keys: int) -> float:
    """Bytes for one open window."""
    before, fence, store = used(client), b"", RedisStateStore(client, "bench-windows")
    ids = key_ids(keys)
    for at in range(0, keys, ROWS):
        rows = {(29_671_200, key_id): bytes(WINDOW_DTYPE.itemsize) for key_id in ids[at : at + ROWS]}
        fence = committed(store, Commit(expected=fence, fence=b"%d" % at, offset=at, windows=rows))
    return (used(client) - before) / keys


def committed(store: RedisStateStore, commit: Commit) -> bytes:
    """The fence that the next commit must name."""
    assert store.commit(0, commit) is CommitResult.APPLIED
    return commit.fence


def used(client: Any) -> int:
    """The server's own count."""
    return int(client.info("memory")["used_memory"])


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=200_000)
    parser.add_argument("--store", choices=["redis", "valkey"], default="redis")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(asked.store, Path(folder)) as url:
        client: Any = connect_redis(url)
        about = client.info("server")
        version = about.get("valkey_version", about["redis_version"])
        profile, window = profiles_in(client, asked.keys), windows_in(client, asked.keys)
        client.close()
    print(f"{asked.store} {version}, {asked.keys:,} keys")
    print(f"profile: {PROFILE_DTYPE.itemsize} bytes a row, {profile:,.0f} in the store")
    print(f"open window: {WINDOW_DTYPE.itemsize} bytes a row, {window:,.0f} in the store")


if __name__ == "__main__":
    main()
