"""What detection knows from outside its partition: honey keys, stopped keys, other partitions, verdicts."""

from __future__ import annotations

import json

import numpy as np

from domain.case import Case, CaseNote, CaseState
from domain.decision import Action, Decision
from domain.finding import Finding, Kind
from domain.leak import hashed_id
from domain.profile import FLEET_DTYPE
from keystore.token import generate
from monitor.checkpoint.memory import MemoryStateStore
from monitor.config import DetectConfig
from monitor.outside import STOPPED, Outside, Watched
from monitor.renew import ALLOWANCE_DAYS, allowances, elsewhere
from tests.pipelines import TOPIC, memory_pipeline, to_the_end

DAY_MS = 86_400_000


def lines(key_id: str, times: list[int]) -> list[bytes]:
    return [json.dumps({"ts": ts, "key_id": key_id, "ip": "198.18.0.1"}).encode() for ts in times]


def found(
    pipeline_lines: list[bytes], detect: DetectConfig, watched: dict[str, Watched] | None = None
) -> list[Finding]:
    store = MemoryStateStore(TOPIC)
    pipeline = memory_pipeline(pipeline_lines, store, detect)
    if watched:
        pipeline.engine.detection.outside.watched = watched
    to_the_end(pipeline)
    return store.findings()


def test_one_request_with_a_honey_key_is_proof() -> None:
    times = [1_780_272_000_000 + i for i in range(3)]
    (finding,) = found(lines("key_honey", times), DetectConfig(honey_keys=["key_honey"]))
    assert (finding.detector, finding.kind, finding.risk, finding.offset) == (
        "honey_key",
        Kind.CERTAIN,
        1.0,
        0,
    )


def test_a_whole_secret_in_the_log_is_proof_and_is_not_repeated_in_the_finding() -> None:
    secret = generate().reveal()
    for said in (secret, hashed_id(secret)):  # met here, or by the middleware upstream
        (finding,) = found(lines(said, [1_780_272_000_000, 1_780_272_001_000]), DetectConfig())
        assert (finding.detector, finding.kind, finding.key_id) == (
            "leaked_secret",
            Kind.CERTAIN,
            hashed_id(secret),
        )
        assert secret not in repr(finding)


def test_other_keys_are_no_honey() -> None:
    assert found(lines("key_other", [1_780_272_000_000]), DetectConfig(honey_keys=["key_honey"])) == []


def test_a_stopped_key_is_proof_only_after_its_grace() -> None:
    start = 1_780_272_000_000
    watched = {"key_a": Watched(STOPPED, start + 2)}
    (finding,) = found(lines("key_a", [start, start + 1, start + 2, start + 3]), DetectConfig(), watched)
    assert (finding.detector, finding.offset) == ("stopped_key", 2)


def test_other_partitions_are_added_and_faded() -> None:
    fleets = np.zeros(2, FLEET_DTYPE)
    fleets["prefix_fresh"][0][7], fleets["prefix_fresh"][1][7] = 8.0, 2.0
    fleets["fresh_minute"] = 0, 60
    others = elsewhere({0: fleets[0].tobytes(), 1: fleets[1].tobytes(), 2: b"of another version"})
    assert set(others) == {0, 1}
    assert others[0][7] == 2.0
    assert others[1][7] == np.float32(8.0 * np.exp(-1.0))


def case(verdict: str, closed_ms: int) -> Case:
    finding = Finding(
        id="f", detector="geo_shift", kind=Kind.ORIGIN, key_id="key_a", tenant="", partition=0, offset=0,
        ts_ms=0, window_start_ms=0, bits=20, risk=0.6, contributions={}, evidence=[], baseline_events=500,
    )  # fmt: skip
    return Case(
        id="case_1", key_id="key_a", tenant="", state=CaseState.REINSTATED, opened_ms=0, version=2,
        decision=Decision(action=Action.ALERT, rule="r", why="w"), risk=0.6, findings=[finding],
        closed_ms=closed_ms, timeline=[CaseNote(ts_ms=closed_ms, who="ann", what=verdict)],
    )  # fmt: skip


def test_a_false_positive_keeps_that_kind_quiet_for_a_week() -> None:
    allowed = allowances([case("false_positive", DAY_MS)], 2 * DAY_MS)
    outside = Outside(allowed=allowed)
    until = (1 + ALLOWANCE_DAYS) * 1440
    assert outside.allows("key_a", Kind.ORIGIN, until - 1)
    assert not outside.allows("key_a", Kind.ORIGIN, until)
    assert not outside.allows("key_a", Kind.VOLUME, 0)
    assert not outside.allows("key_b", Kind.ORIGIN, 0)


def test_a_mere_reinstatement_or_an_old_verdict_allows_nothing() -> None:
    assert allowances([case("reinstate", DAY_MS)], 2 * DAY_MS) == {}
    assert allowances([case("false_positive", DAY_MS)], 9 * DAY_MS) == {}
