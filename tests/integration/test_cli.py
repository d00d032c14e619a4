"""The command as a person meets it: help, errors that name the setting, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli import app
from sample_streams import scenario_path

RUNNER = CliRunner()


COMMANDS = (
    *("run", "demo", "replay", "config check", "cases list"),
    *("keys issue", "keys issue-many", "keys list", "keys audit"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = RUNNER.invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert "Example" in done.output


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keywatch.yaml"
    path.write_text("kafka: {topik: a}\n")
    done = RUNNER.invoke(app, ["config", "check", "-c", str(path)])
    assert done.exit_code == 4
    assert "topik" in done.output


def test_secrets_are_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYWATCH_SLACK__TOKEN", "xoxb-secret")
    monkeypatch.setenv("KEYWATCH_REDIS__URL", "redis://me:hunter2@host/0")
    path = tmp_path / "keywatch.yaml"
    path.write_text("")
    done = RUNNER.invoke(app, ["config", "check", "-c", str(path)])
    assert done.exit_code == 0
    assert "xoxb-secret" not in done.output
    assert "hunter2" not in done.output


def test_an_unreachable_redis_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keywatch.yaml"
    path.write_text("redis: {url: 'redis://127.0.0.1:1/0', timeout_s: 0.2}\n")
    done = RUNNER.invoke(app, ["run", "-c", str(path)])
    assert done.exit_code == 3
    assert "redis.url" in done.output


@pytest.mark.redis
def test_an_unreachable_kafka_is_named(tmp_path: Path, redis_url: str) -> None:
    path = tmp_path / "keywatch.yaml"
    path.write_text(f"redis: {{url: '{redis_url}'}}\nkafka: {{bootstrap: '127.0.0.1:1'}}\n")
    done = RUNNER.invoke(app, ["run", "-c", str(path)])
    assert done.exit_code == 3
    assert "kafka.bootstrap" in done.output


def test_replay_prints_findings() -> None:
    path = scenario_path("stolen_key_new_country")
    done = RUNNER.invoke(
        app, ["replay", str(path), "--json", "--geoip", str(path.parents[1] / "sample.mmdb")]
    )
    assert done.exit_code == 0
    assert "geo_shift" in done.output
    assert "rejected: none" in done.output
