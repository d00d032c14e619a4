"""Corpora small enough to write by hand, for tests of the evaluation."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import msgspec

from monitor.evaluation.labels import FILE, Case, Labels
from monitor.evaluation.run import Played, Raised

START_MS = 1_780_272_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def case(verdict: str = "attack", **changes: Any) -> Case:
    """An attack on ``key_a`` from the sixth day on, by records 100, 200 and 300."""
    start = START_MS + 5 * DAY_MS
    plain: dict[str, Any] = {
        "id": "case-1",
        "kind": "theft",
        "strength": "weak",
        "keys": ["key_a"],
        "start_ms": start,
        "end_ms": start + HOUR_MS,
        "offsets": [100, 200, 300],
    }
    if verdict == "benign":
        plain |= {"kind": "deploy", "strength": "", "offsets": []}
    return Case(**{**plain, **changes, "verdict": verdict})


def labels(*cases: Case, keys: tuple[str, ...] = ("key_a", "key_b"), **changes: Any) -> Labels:
    """Ten days of two keys."""
    plain: dict[str, Any] = {
        "version": 1,
        "seed": 0,
        "size": "tiny",
        "events": "events.jsonl.gz",
        "start_ms": START_MS,
        "end_ms": START_MS + 10 * DAY_MS,
        "warm_up_days": 2.0,
        "keys": dict.fromkeys(keys, "server"),
        "cases": list(cases),
    }
    return Labels(**(plain | changes))


def raised(at_h: float, key_id: str = "key_a", offset: int = 0, score: float = 10.0, rank: int = 1) -> Raised:
    """A finding some hours after the corpus began."""
    return Raised(key_id, offset, START_MS + int(at_h * HOUR_MS), "geo_shift", score, rank)


def played(truth: Labels, *found: Raised) -> Played:
    """A corpus with these findings."""
    return Played("tiny", truth, sorted(found, key=lambda one: (one.offset, one.at_ms)), 1000)


def event(at_s: float, key_id: str = "key_a", **changes: Any) -> dict[str, Any]:
    """A request some seconds after the corpus began."""
    plain = {
        "ts": START_MS + int(at_s * 1000),
        "key_id": key_id,
        "ip": "198.18.0.1",
        "method": "GET",
        "endpoint": "/v1/items/1",
        "status": 200,
        "bytes_out": 900,
        "user_agent": "acme-sdk-go/1.0",
    }
    return plain | changes


def write(folder: Path, truth: Labels, events: list[dict[str, Any]]) -> None:
    """A corpus' files but for GeoIP and lists."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in events)
    (folder / truth.events).write_bytes(gzip.compress(lines))
    (folder / FILE).write_bytes(msgspec.json.encode(truth))
