"""Stored partitions to be migrated, and ``keywatch`` that dies at a commit of its choice."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from domain.profile import FLEET_DTYPE, SCHEMA_VERSION, WINDOW_DTYPE, new_profiles
from monitor.checkpoint.base import SCHEMA, Commit, CommitResult
from monitor.checkpoint.redis import RedisStateStore
from monitor.placement import by_murmur2

TOPIC = "api-usage"
KEYS = [f"key_{number:04d}" for number in range(300)]


def profile(number: int) -> bytes:
    row = new_profiles(1)
    row["events"], row["windows"], row["first_ms"] = 10 + number, 1 + number, 1_000 * number
    return row.tobytes()


def window(first_ms: int, count: int) -> bytes:
    row = np.zeros(1, WINDOW_DTYPE)
    row["first_ms"], row["count"] = first_ms, count
    return row.tobytes()


def fleet(keys: int) -> bytes:
    row = np.zeros(1, FLEET_DTYPE)
    row["version"], row["keys"], row["log_rate_sum"], row["score_days"] = SCHEMA_VERSION, keys, keys / 4, keys
    return row.tobytes()


def fill(store: RedisStateStore, partitions: int) -> None:
    """Profiles of all keys as ``murmur2`` puts them, a window open for every tenth, a fleet."""
    for part in range(partitions):
        here = [n for n, key_id in enumerate(KEYS) if by_murmur2(key_id, partitions) == part]
        claim = store.claim(part, b"filling")
        commit = Commit(
            expected=claim.fence,
            fence=b"filled",
            offset=100 + part,
            meta={
                "watermark_ms": b"60000",
                "minute": b"1",
                "fleet": fleet(len(here)),
                SCHEMA: b"%d" % SCHEMA_VERSION,
            },
            profiles={KEYS[n]: profile(n) for n in here},
            windows={(1, KEYS[n]): window(60_000 + n, 5) for n in here if n % 10 == 0},
            samples=[b"sample"],
        )
        assert store.commit(part, commit) is CommitResult.APPLIED
    store.note_partitions(partitions)


def die_at(number: int, *, after: bool, die: Callable[[], None]) -> Callable[..., CommitResult]:
    """A ``RedisStateStore.commit`` that ends the process before or after its ``number``-th commit."""
    commit, made = RedisStateStore.commit, 0

    def dying(self: RedisStateStore, partition: int, what: Commit) -> CommitResult:
        nonlocal made
        made += 1
        if made == number and not after:
            die()
        result = commit(self, partition, what)
        if made == number:
            die()
        return result

    return dying


def main() -> None:
    """``python -m tests.faults.migration '{"at": 5, "after": true, "rows": 10}' migrate partitions ...``"""
    from monitor.cli import app
    from monitor.migration import hold

    ask: dict[str, Any] = json.loads(sys.argv[1])
    hold.ROWS = ask["rows"]  # type: ignore[misc]
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
    RedisStateStore.commit = die_at(ask["at"], after=ask["after"], die=kill)  # type: ignore[method-assign]
    app(sys.argv[2:])


def config(path: Path, redis_url: str, topic: str = TOPIC, bootstrap: str = "127.0.0.1:1") -> Path:
    settings = {"kafka": {"bootstrap": bootstrap, "topic": topic}, "redis": {"url": redis_url}}
    path.write_text(json.dumps(settings))
    return path


if __name__ == "__main__":
    main()
