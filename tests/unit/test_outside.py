"""What detection knows from outside its partition: honey keys, stopped keys, other partitions, verdicts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace

from domain.allowance import Allowance
from domain.case import Case, CaseState
from domain.decision import Action, Decision
from domain.finding import Finding, Kind
from domain.leak import hashed_id
from domain.profile import FLEET_DTYPE
from keystore.token import generate
from monitor.checkpoint.memory import MemoryStateStore
from monitor.config import DetectConfig
from monitor.outside import STOPPED, Watched
from monitor.renew import allowances, elsewhere
from tests.pipelines import TOPIC, memory_pipeline, to_the_end


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


def allowance(**different: object) -> Allowance:
    usual = Allowance(key_id="key_a", kind=Kind.VOLUME, country="NL", until_ms=START_MS + 60_000_000)
    return replace(usual, **different)


def case(*allowed: Allowance) -> Case:
    return Case(
        id="case_1", key_id="key_a", tenant="", state=CaseState.REINSTATED, opened_ms=0, version=2,
        decision=Decision(action=Action.ALERT, rule="r", why="w"), risk=0.6, findings=[],
        allowances=list(allowed),
    )  # fmt: skip


def test_what_verdicts_let_pass_is_known_by_key_while_it_runs() -> None:
    running, over = allowance(), allowance(until_ms=5)
    assert allowances([case(running, over), case()], 5) == {"key_a": [running]}


START_MS = 1_780_272_000_000


def spiking(allowed: list[Allowance]) -> list[Finding]:
    """What is found of a key that is quiet for an hour and then suddenly is not."""
    quiet = [START_MS + minute * 60_000 + second * 1000 for minute in range(60) for second in (1, 30)]
    loud = [START_MS + 60 * 60_000 + i * 20 for i in range(2_000)]
    pipeline_lines = [
        json.dumps({"ts": ts, "key_id": "key_a", "ip": "198.18.0.1", "country": "NL"}).encode()
        for ts in (*quiet, *loud)
    ]
    store = MemoryStateStore(TOPIC)
    pipeline = memory_pipeline(pipeline_lines, store, DetectConfig())
    pipeline.engine.detection.outside.allowed = {"key_a": allowed} if allowed else {}
    to_the_end(pipeline)
    return [finding for finding in store.findings() if finding.detector == "volume"]


@pytest.mark.parametrize(
    ("allowed", "speaks"),
    [
        ([], True),
        ([allowance()], False),
        ([allowance(country="")], False),
        ([allowance(country="RU")], True),
        ([allowance(kind=Kind.ORIGIN)], True),
        ([allowance(until_ms=START_MS)], True),
        ([allowance(network="198.18.0.0/24")], False),
        ([allowance(network="198.18.1.0/24")], True),
    ],
)
def test_an_allowance_lets_pass_what_it_says_and_nothing_wider(
    allowed: list[Allowance], speaks: bool
) -> None:
    assert bool(spiking(allowed)) is speaks
