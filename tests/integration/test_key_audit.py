"""The key audit on real Redis: ten thousand keys, the baselines of a real pipeline, the command, the job."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from alerting.cases import RedisCaseStore
from domain.case import Case, CaseState
from domain.clock import ManualClock
from domain.decision import Action, Decision
from domain.secret import Secret
from keystore.audit.audit import audit
from keystore.audit.controls import DAY_MS, AuditSettings, Control, Moment, Status
from keystore.audit.keys import fact_pages
from keystore.audit.report import AuditReport
from keystore.hashing import Peppers
from keystore.issuing import KeySpec
from keystore.redis_store import RedisKeyStore
from keystore.request import Request
from keystore.rules import StoreRules
from keystore.token import generate
from monitor.checkpoint.redis import RedisStateStore
from monitor.cli import app
from monitor.config import AuditConfig, Config, KeystoreConfig, RedisConfig
from monitor.connect import connect_redis
from monitor.key_audit import LAST, AuditKeeper, CaseReviews, KeyAuditor
from monitor.key_usage import ProfileUsage
from monitor.logs import Log
from tests.pipelines import TOPIC, memory_pipeline, to_the_end

pytestmark = [pytest.mark.redis]

NOW_MS = 1_780_272_000_000
KEYS = 10_000
RUNNER = CliRunner()


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with connect_redis(redis_url) as connected:
        yield connected


@pytest.fixture
def any_client(any_redis: str) -> Iterator[Any]:
    """On Redis, on a cluster and on Valkey."""
    with connect_redis(any_redis) as connected:
        yield connected


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS / 1000)


# -- ten thousand keys -------------------------------------------------------------------------------


@pytest.fixture
def config_file(tmp_path: Path, redis_url: str) -> Path:
    Peppers.generate().save(tmp_path / "peppers")
    config = Config(
        redis=RedisConfig(url=redis_url), keystore=KeystoreConfig(pepper_file=str(tmp_path / "peppers"))
    )
    path = tmp_path / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


def wanted(number: int) -> dict[str, Any]:
    """Every fiftieth opens everything, every hundredth ends soon, one in a thousand never."""
    return {
        "tenant": f"tenant-{number % 300}",
        "owner": f"ops@tenant-{number % 300}.example",
        "name": f"ci {number}",
        "scopes": ["*:/**" if number % 50 == 0 else "GET:/v1/**"],
        "expires_days": None if number % 1000 == 7 else 10 if number % 100 == 1 else 365,
        "rate": "100/m",
    }


def test_ten_thousand_keys_are_issued_listed_and_audited_with_a_bar(
    config_file: Path, tmp_path: Path, client: Any
) -> None:
    specs, secrets = tmp_path / "wanted.jsonl", tmp_path / "secrets.jsonl"
    specs.write_text("".join(json.dumps(wanted(number)) + "\n" for number in range(KEYS)))
    told = watched("keys", "issue-many", str(specs), "--out", str(secrets), "-c", str(config_file))
    assert "issuing keys" in told
    assert f"{KEYS}/{KEYS}" in told
    assert "10,000 keys issued" in told
    made = [json.loads(line) for line in secrets.read_text().splitlines()]
    assert len({line["secret"] for line in made}) == KEYS
    assert secrets.stat().st_mode & 0o777 == 0o600

    listed = tmp_path / "listed.json"
    told = watched("keys", "list", "--limit", str(KEYS), "--json", "-c", str(config_file), out=listed)
    assert f"{KEYS}/{KEYS}" in told
    assert "more keys" not in told
    assert {key["key_id"] for key in json.loads(listed.read_text())} == {line["key_id"] for line in made}

    report = tmp_path / "report.json"
    told = watched(
        "keys", "audit", "--format", "json", "--out", str(report), "--limit", "3", "-c", str(config_file)
    )
    assert "auditing keys" in told
    assert f"{KEYS}/{KEYS}" in told
    found = msgspec.convert(json.loads(report.read_text()), AuditReport)
    assert (found.keys, found.states, found.status) == (KEYS, {"active": KEYS}, Status.FAILED)
    figures = {result.control.value: result.found for result in found.controls if result.found}
    assert figures == {"wildcard_scope": 200, "expiring": 100, "no_expiry": 10}
    assert [len(result.keys) for result in found.controls if result.found] == [3, 3, 3]
    assert made[0]["secret"].rpartition("_")[2] not in report.read_text() + listed.read_text()


def watched(*arguments: str, out: Path | None = None) -> str:
    """What a person sees of a command on a terminal's standard error."""
    leader, follower = pty.openpty()
    with (out or Path(os.devnull)).open("wb") as stdout:
        command = [sys.executable, "-c", "from monitor.cli import main; main()", *arguments]
        process = subprocess.Popen(
            command, stdout=stdout, stderr=follower, env=os.environ | {"COLUMNS": "120"}
        )
    os.close(follower)
    seen: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(leader, 65536):
                seen.append(chunk)
        except OSError:  # the terminal has no more writers
            return

    reader = threading.Thread(target=read)
    reader.start()
    code = process.wait(timeout=60)
    reader.join()
    os.close(leader)
    text = b"".join(seen).decode()
    assert code == 0, text
    return text


# -- what the baselines know -------------------------------------------------------------------------


def requests(key_id: str, networks: int, minutes: int, ending_ms: int = NOW_MS) -> list[bytes]:
    """A request a minute, each from the next of ``networks`` networks; then one that closes the windows."""
    first_ms = ending_ms - minutes * 60_000
    times = [(first_ms + n * 60_000, f"198.18.{n % networks}.7") for n in range(minutes)]
    return [json.dumps({"ts": ts, "key_id": key_id, "ip": ip}).encode() for ts, ip in times]


def learned(client: Any, *lines: bytes) -> RedisStateStore:
    store = RedisStateStore(client, TOPIC)
    in_order = sorted(lines, key=lambda line: json.loads(line)["ts"])
    to_the_end(memory_pipeline(in_order, store))
    return store


def test_networks_and_use_are_read_from_the_baselines(any_client: Any, clock: ManualClock) -> None:
    secret = generate().reveal()
    store = learned(
        any_client,
        *requests("key_one", 1, 60),
        *requests("key_twelve", 12, 60),
        *requests("key_sixteen", 40, 80),
        *requests("key_before", 12, 24, ending_ms=NOW_MS - 40 * DAY_MS),
        *requests(secret, 1, 3),
        *requests("key_last", 1, 1, ending_ms=NOW_MS + 10 * 60_000),
    )
    usage = ProfileUsage(store, clock)
    one, twelve, sixteen, before, nobody = usage.observed(
        ["key_one", "key_twelve", "key_sixteen", "key_before", "key_nobody"]
    )
    assert nobody is None
    assert one is not None
    assert (one.networks, one.last_seen_ms) == (1, NOW_MS - 60_000)
    assert one.requests_a_day == pytest.approx(1440, rel=0.1)
    assert [seen.networks for seen in (twelve, sixteen) if seen] == [12, 16]
    assert before is not None
    assert (before.networks, before.last_seen_ms) == (0, NOW_MS - 40 * DAY_MS - 60_000)
    (leaked,) = usage.leaked()
    assert (leaked.requests, leaked.last_seen_ms) == (3, NOW_MS - 60_000)
    assert secret not in leaked.name


def test_a_key_on_more_networks_at_once_than_a_row_has_places_for_is_not_missed(
    client: Any, clock: ManualClock
) -> None:
    burst = [
        json.dumps(
            {"ts": NOW_MS - 600_000 + n // 60 * 60_000, "key_id": "key_swarm", "ip": f"198.18.{n % 60}.1"}
        )
        for n in range(600)
    ]
    store = learned(client, *map(str.encode, burst), *requests("key_last", 1, 1, NOW_MS + 600_000))
    (seen,) = ProfileUsage(store, clock).observed(["key_swarm"])
    assert seen is not None
    assert 50 <= seen.networks <= 60  # a sketch counts them, a little too few


def test_a_key_in_several_partitions_is_added_up(client: Any, clock: ManualClock) -> None:
    learned(client, *requests("key_one", 12, 60), *requests("key_last", 1, 1, NOW_MS + 600_000))
    store = RedisStateStore(client, TOPIC)
    client.sadd(f"kw:partitions:{TOPIC}", 1)
    client.hset(store.key(1, "profiles"), "key_one", client.hget(store.key(0, "profiles"), "key_one"))
    (seen,) = ProfileUsage(store, clock).observed(["key_one"])
    assert seen is not None
    assert (seen.networks, round(seen.requests_a_day, -2)) == (12, 2900)  # the same networks, twice the use
    assert ProfileUsage(store, clock).leaked() == []


# -- verifications, states, peppers ------------------------------------------------------------------


def test_what_the_store_counts_is_in_the_report(any_client: Any, clock: ManualClock) -> None:
    old = Peppers.generate()
    store = RedisKeyStore(any_client, clock, old, rules=StoreRules(imported=True))
    secrets = [issued.secret for issued in store.issue_many([KeySpec("acme", "ops", scopes=("*:/**",))] * 3)]
    clock.advance(100 * 86_400)
    for secret in secrets[:2]:
        for _ in range(5):
            store.verify(secret, Request("GET", "/", "198.18.0.1"))
    clock.advance(86_400)
    both = Peppers(2, {1: old.by_version[1], 2: Peppers.generate().by_version[1]})
    store.import_secret("legacy-7", Secret("correct horse"), KeySpec("acme", "ops"))
    assert store.count() == 4
    moment = Moment(int(clock.now() * 1000), AuditSettings())
    report = audit(fact_pages(RedisKeyStore(any_client, clock, both), moment, both.current), moment)
    assert report.daily_verifications == 10
    assert report.result(Control.UNUSED).found == 1
    assert [key.key_id for key in report.result(Control.WEAK_SECRET).keys] == ["legacy-7"]
    assert {c.value: report.result(c).found for c in (Control.OLD, Control.OLD_PEPPER)} == {
        "old": 3,
        "old_pepper": 4,
    }


# -- the command and the job -------------------------------------------------------------------------


def test_fail_on_chooses_the_exit_code_and_says_why(config_file: Path) -> None:
    config = msgspec.yaml.decode(config_file.read_bytes(), type=Config)
    with connect_redis(config.redis.url) as client:
        peppers = Peppers.from_file(Path(config.keystore.pepper_file))
        RedisKeyStore(client, ManualClock(NOW_MS / 1000), peppers).issue("acme", "ops", scopes=("*:/**",))
        for names, code in ((["old_pepper"], 0), (["wildcard_scope"], 5), (["leaked"], 5), (["any"], 5)):
            options = [part for name in names for part in ("--fail-on", name)]
            done = RUNNER.invoke(app, ["keys", "audit", *options, "-c", str(config_file)])
            assert done.exit_code == code, done.output
            assert ("not ok" in done.output) == (code == 5)
    done = RUNNER.invoke(app, ["keys", "audit", "--fail-on", "everything", "-c", str(config_file)])
    assert done.exit_code == 2
    assert "wildcard_scope" in done.output


def test_a_report_that_cannot_be_written_says_where(config_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "report.html"
    arguments = ["keys", "audit", "--format", "html", "--out", str(out), "-c", str(config_file)]
    done = RUNNER.invoke(app, arguments)
    assert (done.exit_code, "--out" in done.output) == (4, True)
    out.parent.mkdir()
    assert RUNNER.invoke(app, arguments).exit_code == 0
    assert out.read_text().startswith("<!doctype html>")
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_a_bad_line_is_named_before_any_key_is_made(config_file: Path, tmp_path: Path, client: Any) -> None:
    good = json.dumps(wanted(1))
    for bad, what in (
        ('{"tenant": "a"}', "owner"),
        ('{"tenant": "a", "owner": "b", "colour": 1}', "colour"),
        ('{"tenant": "a", "owner": "b", "scopes": ["everything"]}', "scope"),
        ('{"tenant": "a", "owner": "b", "rate": "fast"}', "rate"),
        ("nonsense", "JSON"),
    ):
        path = tmp_path / "wanted.jsonl"
        path.write_text(f"{good}\n\n{bad}\n")
        done = RUNNER.invoke(app, ["keys", "issue-many", str(path), "-c", str(config_file)])
        assert done.exit_code == 2, done.output
        assert "wanted.jsonl line 3" in done.output
        assert what in done.output
    assert client.dbsize() == 0


def test_secrets_are_never_written_over_a_file_that_is_there(config_file: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "wanted.jsonl", tmp_path / "out"
    path.write_text(json.dumps(wanted(1)))
    out.write_text("mine")
    done = RUNNER.invoke(app, ["keys", "issue-many", str(path), "--out", str(out), "-c", str(config_file)])
    assert done.exit_code == 4
    assert out.read_text() == "mine"


class OpenCases:
    """One case that waits and one that was decided."""

    def get(self, case_id: str) -> Case:
        state = CaseState.OPEN if case_id == "case_open" else CaseState.CONFIRMED
        decision = Decision(action=Action.SUSPEND, rule="r", why="w")
        return Case(
            id=case_id, key_id="k", tenant="", state=state, opened_ms=7, version=1,
            decision=decision, risk=1.0, findings=[],
        )  # fmt: skip


def test_only_a_case_without_a_verdict_waits(client: Any) -> None:
    reviews = CaseReviews(OpenCases())  # type: ignore[arg-type]
    assert (reviews.waiting_since_ms("case_open"), reviews.waiting_since_ms("case_done")) == (7, None)
    assert CaseReviews(RedisCaseStore(client)).waiting_since_ms("case_unknown") is None


def test_the_job_audits_when_a_week_is_over_whoever_runs_it(client: Any, clock: ManualClock) -> None:
    RedisKeyStore(client, clock, Peppers.generate()).issue("acme", "ops", scopes=("*:/**",))
    written = io.StringIO()
    auditor = KeyAuditor(
        RedisKeyStore(client, clock, None),
        ProfileUsage(RedisStateStore(client, TOPIC), clock),
        RedisCaseStore(client),
        0,
        AuditConfig(max_age_days=3),
        clock,
    )
    keepers = [AuditKeeper(client, auditor.run, 7.0, clock, Log(clock, "info", written)) for _ in range(2)]
    assert [keeper.run_if_due() for keeper in keepers] == [True, False]
    clock.advance(6.9 * 86_400)
    assert [keeper.run_if_due() for keeper in keepers] == [False, False]
    clock.advance(0.2 * 86_400)
    assert [keeper.run_if_due() for keeper in keepers] == [True, False]
    last = keepers[1].last()
    assert last is not None
    assert (last.at_ms, last.result(Control.OLD).found) == (int(clock.now() * 1000), 1)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["keys_audited"] * 2
    assert (lines[1]["keys"], lines[1]["status"], lines[1]["wildcard_scope"]) == (1, "failed", 1)
    client.set(LAST, b"of another version")
    assert keepers[0].last() is None
    assert AuditKeeper(client, auditor.run, 0.0, clock, Log(clock)).run_if_due() is False
