"""``keywatch cases|silences|audit`` as a person types them, on a real Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from typer.testing import CliRunner

from domain.ports import KeyState, OutboxEntry
from domain.profile import new_profiles
from monitor.checkpoint.redis import RedisStateStore
from monitor.cli import app
from monitor.config import Config, RedisConfig
from monitor.config_alerting import AlertConfig, AuditLogConfig
from monitor.logs import Log
from monitor.wiring_alerting import Office, alerting_for, open_office
from tests.alerts import finding
from tests.office import POLICY, finding_id

pytestmark = [pytest.mark.redis]
RUNNER = CliRunner()
Run = Callable[..., str]


@pytest.fixture
def config_file(tmp_path: Path, redis_url: str) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY.replace("suspend: on", "suspend: 'on'"))
    (tmp_path / "hmac").write_text("a key of an operator\n")
    config = Config(
        redis=RedisConfig(url=redis_url),
        alert=AlertConfig(policy=str(tmp_path / "policy.yaml")),
        audit_log=AuditLogConfig(hmac_key_file=str(tmp_path / "hmac")),
    )
    path = tmp_path / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


@pytest.fixture
def run(config_file: Path) -> Run:
    def typed(*words: str, code: int = 0) -> str:
        done = RUNNER.invoke(app, [*words, "-c", str(config_file)], env={"COLUMNS": "250"})
        assert done.exit_code == code, done.output
        return done.output

    return typed


@pytest.fixture
def office(config_file: Path) -> Office:
    """Three keys from one address have been suspended."""
    office = open_office(config_file)
    keys: Any = office.desk.keys
    ordered = alerting_for(office.config, office.client, list, lambda: 1000, Log(office.desk.clock)).pipeline
    for number in range(3):
        keys.import_external(f"key_{number}", "acme", "ops@acme.example")
        ordered.handle(OutboxEntry(finding(id=finding_id(str(number)), key_id=f"key_{number}"), ""))
    return office


def test_cases_are_listed_narrowed_and_paged(run: Run, office: Office) -> None:
    (case,) = office.cases.list(limit=1)
    assert "key_2" in run("cases", "list")
    assert len(json.loads(run("cases", "list", "--key", "key_1", "--json"))) == 1
    assert len(json.loads(run("cases", "list", "--incident", case.incident_id, "--json"))) == 3
    page = run("cases", "list", "--limit", "2")
    cursor = page.rpartition("--cursor ")[2].strip()
    rest = json.loads(run("cases", "list", "--limit", "2", "--cursor", cursor, "--json"))
    assert [found["key_id"] for found in rest] == ["key_0"]
    assert "not a cursor" in run("cases", "list", "--cursor", "nonsense", code=2)
    assert "there is no incident" in run("cases", "list", "--incident", "inc_none", code=1)


def test_a_case_is_shown_judged_and_counted(run: Run, office: Office) -> None:
    case = office.cases.open_for_key("key_1")
    assert case is not None
    shown = run("cases", "show", case.id)
    for told in ("geo_shift", "RU, AS64500", "rule stolen key", "suspended"):
        assert told in shown
    run("cases", "comment", case.id, "--reason", "asked the owner", "--by", "ada")
    run("cases", "ask-rotation", case.id, "--reason", "to be safe", "--by", "ada")
    said = run("cases", "reinstate", case.id, "--false-positive", "--reason", "new office", "--by", "ada")
    assert "lets pass: origin findings from country RU, operator AS64500" in said
    assert office.desk.keys.describe("key_1").state is KeyState.ACTIVE
    assert "closed already: reinstated by ada" in run("cases", "confirm", case.id, "--reason", "x", code=1)
    run("cases", "watch-again", case.id, "--reason", "moved out", "--by", "bob")
    other = office.cases.open_for_key("key_2")
    assert other is not None
    stale = run("cases", "confirm", other.id, "--reason", "leaked", "--version", "1", code=1)
    assert "has changed" in stale
    run("cases", "confirm", other.id, "--reason", "leaked", "--revoke", "--version", str(other.version))
    assert office.desk.keys.describe("key_2").state is KeyState.REVOKED
    scores = json.loads(run("cases", "precision", "--json"))
    assert scores["geo_shift"]["precision"] == 0.5
    assert "50 %" in run("cases", "precision")
    timeline = json.loads(run("cases", "show", case.id, "--json"))["timeline"]
    assert [note["what"] for note in timeline][-4:] == [
        "comment",
        "asked the owner to rotate",
        "false_positive",
        "ended its allowances",
    ]


def test_findings_are_listed_with_what_became_of_them(run: Run, office: Office) -> None:
    rows = json.loads(run("findings", "--json"))
    assert [(row["finding"]["key_id"], row["action"]) for row in rows].count(("key_1", "suspend")) == 1
    case = office.cases.open_for_key("key_1")
    assert case is not None
    shown = run("findings", "--key", "key_1")
    for told in ("geo_shift", "RU, AS64500", case.id):
        assert told in shown
    assert "no findings" in run("findings", "--detector", "volume")
    assert "There are more: --cursor" in run("findings", "--limit", "2")
    assert "not a cursor" in run("findings", "--cursor", "nonsense", code=2)


def test_the_state_of_the_whole_is_one_page(run: Run, office: Office) -> None:
    pulse = json.loads(run("status", "--json"))
    assert (pulse["findings"], pulse["suspensions"], pulse["lag"]) == (3, 3, None)
    shown = run("status")
    for told in ("3 findings, 1 alerts, 3 suspensions", "no consumer says", "delivery"):
        assert told in shown


def test_a_key_is_shown_with_its_last_day(run: Run, office: Office) -> None:
    store = RedisStateStore(office.client, office.config.kafka.topic)
    row = new_profiles(1)
    row["events"] = 4711
    store.claim(0, b"fence")
    office.client.hset(store.key(0, "profiles"), "key_1", row.tobytes())
    assert "last 24 h" in run("keys", "show", "key_1")
    assert json.loads(run("keys", "show", "key_1", "--json"))["picture"]["requests"] == 4711
    assert "last 24 h" not in run("keys", "show", "key_2")


def test_silences_are_added_listed_extended_and_ended(run: Run) -> None:
    said = run(
        "silences", "add", "--tenant", "acme", "--kind", "volume", "--reason", "load test", "--by", "ada"
    )
    silence_id = said.partition(":")[0]
    assert "tenant acme, kind volume" in run("silences", "list")
    run("silences", "extend", silence_id, "--hours", "5", "--reason", "longer", "--by", "ada")
    (listed,) = json.loads(run("silences", "list", "--json"))
    assert listed["version"] == 2
    run("silences", "end", silence_id, "--reason", "done", "--by", "ada")
    assert "no silences" in run("silences", "list")
    assert silence_id in run("silences", "list", "--all")
    assert "policy allows silences of 30 days" in run(
        "silences", "add", "--hours", "9999", "--reason", "x", code=2
    )
    assert "there is no silence" in run("silences", "end", "sil_none", "--reason", "x", code=1)


def test_the_audit_is_listed_exported_and_verified(run: Run, office: Office, redis_url: str) -> None:
    assert "suspend" in run("audit", "list")
    said = run("audit", "verify")
    assert said.startswith("3 entries, all as written\n")
    anchor = said.rpartition("anchor ")[2].strip()
    assert anchor.startswith("3:")
    lines = [json.loads(line) for line in run("audit", "export").splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert all(line["mac"] for line in lines)
    run("audit", "verify", "--anchor", anchor)
    with redis.Redis.from_url(redis_url) as client:
        client.xdel(office.audit.LOG, "3-0")
        client.hset(office.audit.HEAD, mapping={"seq": 2, "hash": lines[1]["hash"]})
    assert "2 entries" in run("audit", "verify")
    assert "the anchor saw 3 entries" in run("audit", "verify", "--anchor", anchor, code=4)


@pytest.mark.parametrize(
    "command",
    [
        "cases comment", "cases ask-rotation", "cases watch-again", "cases precision",
        "silences list", "silences add", "silences extend", "silences end",
        "audit verify", "audit export", "audit list",
    ],
)  # fmt: skip
def test_help_has_an_example(command: str) -> None:
    assert "Example" in RUNNER.invoke(app, [*command.split(), "--help"]).output
