"""``keywatch replay`` as a person runs it: on files, and beside the daemon on Apache Kafka."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.demo import POLICY
from sample_streams import GEO
from sample_streams.model import HOUR_MS, START_MS
from tests.servers import Kafka
from tests.topics import fill, lasting_topic, stretch

RUNNER = CliRunner()
LINES = stretch("stolen_key_new_country", 38.0, 44.6)
"""Six hours of honest use, then the theft."""
AFTER_THEFT = "2026-06-02T20:05:00Z"
"""Five minutes after the thief began."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "usage.jsonl"
    path.write_bytes(b"\n".join(LINES))
    return path


@pytest.fixture
def policies(tmp_path: Path) -> tuple[Path, Path]:
    """A policy that suspends and one that protects the victim."""
    new, old = tmp_path / "new.yaml", tmp_path / "old.yaml"
    new.write_text(POLICY)
    old.write_text(POLICY + "protected_keys: [key_victim]\n")
    return new, old


def replay(*arguments: object) -> str:
    done = RUNNER.invoke(app, ["replay", *map(str, arguments), "--geoip", str(GEO)])
    assert done.exit_code == 0, done.output
    return done.stdout


def compared(policies: tuple[Path, Path], *arguments: object) -> Any:
    new, old = policies
    return json.loads(replay(*arguments, "--policy", new, "--against", old, "--json"))


def test_two_policies_on_a_file(recorded: Path, policies: tuple[Path, Path], tmp_path: Path) -> None:
    new, old = policies
    page = tmp_path / "page.html"
    said = replay(recorded, "--policy", new, "--against", old, "--html", page)
    for shown in (said, page.read_text()):
        assert "new.yaml against old.yaml" in shown
        assert "With both, but differently" in shown
        assert "the key is protected" in " ".join(shown.split())


def test_a_dry_run_can_be_tried_as_if_it_were_on(recorded: Path, policies: tuple[Path, Path]) -> None:
    new, _ = policies
    new.write_text(POLICY.replace("suspend: on", "suspend: dry-run"))
    found = compared(policies, recorded, "--suspend-on")
    assert (found["new"]["suspended"], found["new"]["would_suspend"]) == (1, 0)


def findings(said: str) -> list[tuple[int, str, str]]:
    rows = [json.loads(line)["finding"] for line in said.splitlines()]
    return sorted((row["ts_ms"], row["detector"], row["key_id"]) for row in rows)


def test_what_came_before_teaches_and_is_not_told(recorded: Path) -> None:
    whole = findings(replay(recorded, "--json"))
    late = findings(replay(recorded, "--json", "--from", AFTER_THEFT))
    since_ms = int(datetime.fromisoformat(AFTER_THEFT).timestamp() * 1000)
    assert late == [row for row in whole if row[0] >= since_ms]
    assert 0 < len(late) < len(whole)


def test_what_comes_after_is_not_read(recorded: Path) -> None:
    whole = findings(replay(recorded, "--json"))
    early = findings(replay(recorded, "--json", "--to", AFTER_THEFT))
    until_ms = int(datetime.fromisoformat(AFTER_THEFT).timestamp() * 1000)
    assert early == [row for row in whole if row[0] <= until_ms]
    done = RUNNER.invoke(app, ["replay", str(recorded), "--to", "2026-06-02T15:00:00Z", "--geoip", str(GEO)])
    assert int(done.stderr.split(" events")[0]) < len(LINES) / 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say --kafka"),
        (["a.jsonl", "--kafka"], "say --kafka"),
        (["a.jsonl", "--html", "x.html"], "--against"),
        (["a.jsonl", "--from", "soon"], "--from"),
        (["a.jsonl", "--warm-up", "1d"], "--warm-up"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: list[str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{}\n")
    given = [str(path) if a == "a.jsonl" else a for a in arguments]
    done = RUNNER.invoke(app, ["replay", *given])
    assert done.exit_code == 4
    assert said in done.output


# -- Kafka -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def topic(kafka: Kafka) -> str:
    """The stream on three partitions, of which one is empty, with record times as event times."""
    name = lasting_topic(kafka, f"usage-{uuid.uuid4().hex[:8]}", 3)
    fill(kafka, name, LINES, lambda key_id: int(key_id == "key_victim"))
    return name


@pytest.fixture
def config_file(tmp_path: Path, kafka: Kafka, topic: str) -> Path:
    """Redis is named where none is: a backtest does not need it."""
    path = tmp_path / "keywatch.yaml"
    settings = {
        "kafka": {"bootstrap": kafka.bootstrap, "topic": topic, "group": "the-daemon"},
        "redis": {"url": "redis://127.0.0.1:1/0"},
    }
    path.write_text(json.dumps(settings))
    return path


@pytest.mark.kafka
def test_a_topic_gives_what_the_file_gives_and_nothing_is_committed(
    recorded: Path, policies: tuple[Path, Path], config_file: Path, kafka: Kafka
) -> None:
    from kafka.admin import KafkaAdminClient

    found = compared(policies, "--kafka", "-c", config_file)
    on_file = compared(policies, recorded)
    (change,) = on_file["changed"]
    assert (change["old"]["action"], change["new"]["action"]) == ("alert", "suspend")
    assert (found["only_new"], found["only_old"], found["same"]) == ([], [], 0)
    assert found["changed"][0]["new"]["first_ms"] == change["new"]["first_ms"]
    assert found["new"]["events"] == on_file["new"]["events"]
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    assert "the-daemon" not in str(admin.list_groups())
    admin.close()


@pytest.mark.kafka
def test_only_the_records_of_the_time_are_read(config_file: Path) -> None:
    arguments = ["--kafka", "-c", str(config_file), "--from", "2026-06-02T16:00:00Z"]
    arguments += ["--to", "2026-06-02T17:00:00Z", "--warm-up", "1h", "--geoip", str(GEO)]
    done = RUNNER.invoke(app, ["replay", *arguments])
    assert done.exit_code == 0, done.output
    hours = [(json.loads(line)["ts"] - START_MS) / HOUR_MS for line in LINES]
    asked = sum(39 <= hour <= 41 for hour in hours)
    read = sum(39 <= hour <= 41.3 for hour in hours)
    assert asked <= int(done.stderr.split(" events")[0]) <= read


@pytest.mark.kafka
def test_an_unknown_topic_is_named(config_file: Path) -> None:
    config_file.write_text(config_file.read_text().replace('"topic": "', '"topic": "no-'))
    done = RUNNER.invoke(app, ["replay", "--kafka", "-c", str(config_file)])
    assert done.exit_code == 4
    assert "kafka.topic" in done.output
