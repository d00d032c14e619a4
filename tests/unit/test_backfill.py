"""A backfill's parts in memory: what it keeps apart, and what a broken-off write leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import Refused
from monitor.backfill import Backfill, picked
from monitor.backfill_write import begun, write
from monitor.checkpoint.base import NO_OFFSET
from monitor.checkpoint.memory import MemoryStateStore
from monitor.config import Config
from monitor.decode import decoder_for
from monitor.decode.base import Limits
from monitor.period import Period
from monitor.placement import fitting, placer
from monitor.source.dead_letter import NullDeadLetters
from monitor.source.file import FileSource
from monitor.wiring import engine_for
from tests.pipelines import ENRICHER

MINUTE_MS = 60_000
START_MS = 1_780_272_000_000


def event(key_id: str, minute: int, **different: Any) -> dict[str, Any]:
    return {"ts": START_MS + minute * MINUTE_MS, "key_id": key_id, "ip": "198.18.3.7", **different}


def read(path: Path, wire_format: str = "native", **different: Any) -> Backfill:
    """Backfilled over four partitions; its clock stands an hour after the start."""
    limits = Limits(now=lambda: START_MS / 1000 + 3_600)
    parts = (decoder_for(wire_format, limits), ENRICHER, engine_for(Config(), "t"), NullDeadLetters())
    made = Backfill(FileSource([path], poll_records=7), *parts, placer("murmur2", 4), **different)
    for _ in made.run():
        pass
    made.close_windows()
    return made


def lines(path: Path, *events: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    events = [event(f"key_{n % 40}", n // 10, tenant=f"t{n % 3}") for n in range(400)]
    return lines(tmp_path / "a.jsonl", *events)


def test_every_key_is_in_its_partition_with_its_own_tenant_and_count(many: Path) -> None:
    made = read(many)
    place = placer("murmur2", 4)
    assert sum(len(part.key_ids) for part in made.parts.values()) == 40
    for number, part in made.parts.items():
        for slot, key_id in enumerate(part.key_ids):
            assert place(key_id) == number
            assert part.profiles["learned"][slot] == 10
            assert part.tenant(slot) == f"t{int(key_id[4:]) % 3}"


def test_the_last_minutes_are_closed_and_older_events_late(many: Path) -> None:
    for part in read(many).parts.values():
        assert not part.open
        last = int(part.profiles["last_ms"].max()) // MINUTE_MS
        assert part.watermark_ms // MINUTE_MS - Config().detect.lateness_min > last


def test_only_the_period_is_learned(many: Path) -> None:
    made = read(many, period=Period(START_MS + 10 * MINUTE_MS, START_MS + 20 * MINUTE_MS))
    assert (made.learned.events, made.learned.outside_period) == (110, 290)


def test_one_document_of_many_keys_is_parted(tmp_path: Path) -> None:
    records = [
        {
            "eventTime": "2026-06-01T00:00:00Z",
            "eventName": "ListBuckets",
            "eventSource": "s3.amazonaws.com",
            "sourceIPAddress": "198.18.3.7",
            "userIdentity": {"accessKeyId": f"AKIAEXAMPLE{n}"},
        }
        for n in range(8)
    ]
    (tmp_path / "trail.json").write_text(json.dumps({"Records": records}))
    made = read(tmp_path / "trail.json", "cloudtrail")
    assert (made.learned.events, made.keys) == (8, 8)
    assert len(made.parts) > 1


def test_a_date_far_ahead_is_rejected_and_not_learned(tmp_path: Path) -> None:
    made = read(lines(tmp_path / "a.jsonl", event("k", 0), event("k", 60 * 24 * 400), event("", 0)))
    assert made.learned.events == 1
    assert dict(made.learned.rejected) == {"bad_timestamp": 1, "missing_key_id": 1}


def test_findings_are_counted_and_none_waits_to_be_sent(tmp_path: Path) -> None:
    quiet = [event("k", minute) for minute in range(50)]
    made = read(lines(tmp_path / "a.jsonl", *quiet, *[event("k", 50) for _ in range(5_000)]))
    assert made.learned.unsent["volume"] > 0
    assert all(part.outbox == [] for part in made.parts.values())


def test_places_and_leaks_stay_with_their_rows() -> None:
    values = [
        json.dumps(event("k1", 0)).encode(),
        json.dumps(event("k2", 0, country="NL", lat=52.0, lon=5.0)).encode(),
        json.dumps(event("k3", 0, country="DE")).encode(),
    ]
    columns = decoder_for("native", Limits()).decode(values, np.arange(3)).columns
    columns.leaked = [0, 2]
    taken = picked(columns, np.array([2, 1]))
    assert taken.key_id == ["k3", "k2"]
    assert {row: place.country for row, place in taken.places.items()} == {0: "DE", 1: "NL"}
    assert taken.leaked == [0]
    assert taken.ts_ms.tolist() == columns.ts_ms[[2, 1]].tolist()


# -- writing -----------------------------------------------------------------------------------------


def test_a_run_broken_off_while_writing_can_be_repeated(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.backfill_write.ROWS", 3)
    store, made = MemoryStateStore("t"), read(many)
    number, part = next(iter(made.parts.items()))
    next(write(store, part, 7))
    assert not begun(store.claim(number, b"look"))
    assert sum(write(store, part, 7)) >= len(part.key_ids)
    claim = store.claim(number, b"look")
    assert begun(claim)
    assert claim.offset == 7
    assert None not in store.load_profiles(number, part.key_ids)


def test_a_daemon_that_comes_in_between_stops_the_writing(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.backfill_write.ROWS", 3)
    store, made = MemoryStateStore("t"), read(many)
    number, part = next(iter(made.parts.items()))
    writing = write(store, part, NO_OFFSET)
    next(writing)
    store.claim(number, b"a daemon")
    with pytest.raises(Refused, match="a daemon took partition"):
        list(writing)


def test_a_partition_that_was_begun_is_refused(many: Path) -> None:
    store, made = MemoryStateStore("t"), read(many)
    part = next(iter(made.parts.values()))
    list(write(store, part, NO_OFFSET))
    with pytest.raises(Refused, match="has a baseline already"):
        list(write(store, part, NO_OFFSET))


# -- placement ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["murmur2", "crc32"])
def test_the_partitioner_is_known_by_its_work(name: str) -> None:
    keys = [f"key_{n}" for n in range(50)]
    assert fitting([(key, placer(name, 6)(key)) for key in keys], 6) == name


def test_nothing_to_see_is_the_java_clients_way() -> None:
    assert fitting([], 6) == "murmur2"


def test_one_request_in_a_thousand_may_lie_elsewhere() -> None:
    place = placer("murmur2", 6)
    requests = [(f"key_{n}", place(f"key_{n}")) for n in range(1_000)]
    requests[0] = (requests[0][0], (requests[0][1] + 1) % 6)
    assert fitting(requests, 6) == "murmur2"
    with pytest.raises(Refused, match="not place them by key id"):
        fitting([(key, (number + 1) % 6) for key, number in requests], 6)
