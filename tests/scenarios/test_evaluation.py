"""Detection on a seeded corpus holds its bounds; the corpus is what its labels say.

The corpus is small for speed: an attack of each kind and strength, an honest change of each kind.
"""

from __future__ import annotations

import gzip
import ipaddress
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from alerting.policy import load_policy
from detectors.catalog import DETECTORS
from monitor.config import Config, DetectConfig
from monitor.evaluation.labels import Labels, read_labels
from monitor.evaluation.report import evaluate
from monitor.evaluation.run import play
from sample_streams.corpus.__main__ import write
from sample_streams.corpus.fleet import ATTACKS, BENIGN

DAY_MS: Final = 86_400_000
SEED: Final = 1
LEAST_RECALL: Final = 0.60
"""Share of all attacks that the shipped policy finds."""
LEAST_STRONG: Final = 0.85
MOST_FALSE: Final = 12.0
"""False alerts per 1,000 honest key-days: a third of this corpus' keys change their ways in three days."""
MOST_REQUESTS: Final = 40
"""Median of malicious requests until a strong attack is found."""
MOST_WRONG: Final = 1
"""Suspensions of keys that nobody misused."""
TELLS: Final = {
    "geo_shift": "stolen, new country",
    "ip_shift": "residential proxies",
    "impossible_travel": "parallel use",
    "listed_network": "Tor",
    "shared_origin": "many keys, one address",
    "client_change": "client change",
    "endpoint_mix": "endpoint shift",
    "method_shift": "first writes",
    "error_surge": "ids that miss",
    "probing": "auth probing",
    "enumeration": "ids that answer",
    "exfiltration": "exfiltration",
    "volume": "volume spike",
    "pattern": "volume spike",
    "slow_ramp": "slow ramp",
    "off_hours": "off hours",
    "dormant_key": "dormant key awakes",
    "robotic": "robotic scraping",
    "takeover": "takeover",
    "isolation_forest": "stolen, same country",
    "honey_key": "honey key touched",
    "stopped_key": "revoked key used",
}
"""What each detector is for; `leaked_secret` is decode's, and tested there."""
SILENT: Final = frozenset({"honey_key", "stopped_key", "shared_origin", "takeover", "dormant_key"})
"""Detectors that say nothing at all of keys that nobody misuses."""
MOST_HONEST_DAYS: Final = 0.25
"""Share of honest key-days on which any other detector may have a word to say; weights see to the rest."""
RESERVED: Final = [ipaddress.ip_network(text) for text in ("198.18.0.0/15", "100.64.0.0/10", "2001:db8::/32")]


class Event(msgspec.Struct, forbid_unknown_fields=True):
    """A line of a corpus: what a gateway knows, and no label."""

    ts: int
    key_id: str
    ip: str
    method: str
    endpoint: str
    status: int
    bytes_in: int
    bytes_out: int
    latency_ms: float
    user_agent: str
    tenant: str


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write(SEED, "small", folder)
    return folder


@pytest.fixture(scope="module")
def truth(corpus: Path) -> Labels:
    return read_labels(corpus)


@pytest.fixture(scope="module")
def events(corpus: Path) -> list[Event]:
    decode = msgspec.json.Decoder(Event).decode
    return [decode(line) for line in gzip.decompress((corpus / "events.jsonl.gz").read_bytes()).splitlines()]


@pytest.fixture(scope="module")
def policy(corpus: Path) -> dict[str, Any]:
    summary: dict[str, Any] = evaluate([play(corpus, Config(), load_policy(None))])["policy"]
    return summary


@pytest.fixture(scope="module")
def claims(corpus: Path) -> dict[str, set[tuple[str, str, int]]]:
    """Detector -> (kind of case or "", key, day) of everything it has said, however weak."""
    config = Config(detect=DetectConfig(finding_bits=DetectConfig().evidence_bits))
    played = play(corpus, config, load_policy(None))
    cases = {key: case for case in played.labels.cases for key in case.keys}
    found: dict[str, set[tuple[str, str, int]]] = {name: set() for name in DETECTORS}
    for raised in played.raised:
        case = cases.get(raised.key_id)
        kind = case.kind if case and case.start_ms <= raised.at_ms else ""
        found[raised.detector].add((kind, raised.key_id, raised.at_ms // DAY_MS))
    return found


# -- detectors ---------------------------------------------------------------------------------------


def test_every_detector_is_for_an_attack() -> None:
    assert set(TELLS) == set(DETECTORS) - {"leaked_secret"}
    assert set(TELLS.values()) <= set(ATTACKS)


@pytest.mark.parametrize("detector", sorted(TELLS))
def test_a_detector_speaks_on_its_attack(claims: dict[str, set[tuple[str, str, int]]], detector: str) -> None:
    assert TELLS[detector] in {kind for kind, _, _ in claims[detector]}


@pytest.mark.parametrize("detector", sorted(TELLS))
def test_a_detector_is_quiet_on_honest_keys(
    claims: dict[str, set[tuple[str, str, int]]], truth: Labels, detector: str
) -> None:
    honest = {(key, day) for kind, key, day in claims[detector] if not kind}
    if detector in SILENT:
        assert not honest
    days = (truth.end_ms - truth.start_ms) / DAY_MS
    assert len(honest) <= MOST_HONEST_DAYS * len(truth.keys) * days


# -- bounds ------------------------------------------------------------------------------------------


def recall(policy: dict[str, Any], strength: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = policy["recall"]
    return next(row for row in rows if row["kind"] == "all attacks" and row["strength"] == strength)


@pytest.mark.parametrize(("strength", "least"), [("all", LEAST_RECALL), ("strong", LEAST_STRONG)])
def test_attacks_are_found(policy: dict[str, Any], strength: str, least: float) -> None:
    row = recall(policy, strength)
    assert row["found"] / row["of"] >= least, [r for r in policy["recall"] if r["found"] < r["of"]]


def test_strong_attacks_are_found_soon(policy: dict[str, Any]) -> None:
    assert recall(policy, "strong")["median_requests"] <= MOST_REQUESTS


def test_few_people_are_told_for_nothing(policy: dict[str, Any]) -> None:
    assert policy["false_alerts"]["all after warm-up"]["rate"] <= MOST_FALSE, policy["false_by_detector"]


def test_hardly_a_key_is_suspended_for_nothing(policy: dict[str, Any]) -> None:
    assert policy["suspensions"]["wrong"] <= MOST_WRONG


# -- the corpus --------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    write(SEED, "small", tmp_path)
    for name in ("events.jsonl.gz", "labels.json", "lists/hosting.txt"):
        assert (tmp_path / name).read_bytes() == (corpus / name).read_bytes(), name


def test_there_are_enough_kinds_of_attacks_and_honest_changes(truth: Labels) -> None:
    assert len(ATTACKS) >= 15
    assert len(BENIGN) >= 8
    attacks = {(c.kind, c.strength) for c in truth.cases if c.verdict == "attack"}
    assert attacks >= {(kind, strength) for kind in ATTACKS for strength in ("medium", "strong")}
    assert {c.kind for c in truth.cases if c.verdict == "benign"} == set(BENIGN)


def test_every_key_has_one_case_at_the_most(truth: Labels) -> None:
    keys = [key_id for case in truth.cases for key_id in case.keys]
    assert len(keys) == len(set(keys))
    assert set(keys) <= set(truth.keys)


def test_events_are_in_shipping_order_and_in_the_corpus_time(truth: Labels, events: list[Event]) -> None:
    ts = np.array([event.ts for event in events])
    assert (np.maximum.accumulate(ts) - ts).max() <= 5_000
    assert truth.start_ms <= ts.min() <= ts.max() < truth.end_ms


def test_offsets_are_those_of_the_attack(truth: Labels, events: list[Event]) -> None:
    for case in truth.cases:
        assert case.offsets == sorted(set(case.offsets)), case.id
        mine = [events[offset] for offset in case.offsets]
        assert {event.key_id for event in mine} <= set(case.keys), case.id
        if case.verdict == "attack":
            times = [event.ts for event in mine]
            assert (case.start_ms, case.end_ms) == (min(times), max(times)), case.id
        else:
            assert not mine, case.id


def test_honey_and_revoked_keys_are_used_by_nobody_else(truth: Labels, events: list[Event]) -> None:
    malicious = {offset for case in truth.cases for offset in case.offsets}
    assert truth.honey_keys
    assert truth.stopped_keys
    for offset, event in enumerate(events):
        if event.key_id in truth.honey_keys or event.ts >= truth.stopped_keys.get(event.key_id, 1 << 60):
            assert offset in malicious, event.key_id


def test_no_address_can_be_anybodys(events: list[Event]) -> None:
    for text in {event.ip for event in events}:
        address = ipaddress.ip_address(text)
        assert any(address in network for network in RESERVED), text
