"""Probes: live by progress alone, ready by what the role needs, over HTTP and by ``keywatch health``."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.clock import ManualClock
from domain.errors import Fatal
from monitor.cli import app
from monitor.health import AnswersLately, Health, HoldsPartitions, Rounds
from monitor.health_server import HealthServer
from monitor.meter import Meter


def health(clock: ManualClock, *needs: str) -> Health:
    return Health(clock, Rounds(polls=1, progress_s=clock.monotonic()), 60.0, [lambda w=w: w for w in needs])  # type: ignore[misc]


def test_a_loop_that_stands_still_is_not_live() -> None:
    clock = ManualClock(1000.0)
    probe = health(clock)
    clock.advance(60)
    assert not probe.live()
    clock.advance(1)
    assert "no step for 61 s" in probe.live()[0]
    probe.loop.progress_s = clock.monotonic()
    assert not probe.live()


def test_what_the_role_needs_makes_it_unready_and_never_dead() -> None:
    probe = health(ManualClock(1000.0), "Redis is away")
    assert probe.ready() == ["Redis is away"]
    assert not probe.live()


def test_a_loop_that_has_not_begun_is_neither_started_nor_ready_and_not_dead() -> None:
    clock = ManualClock(1000.0)
    probe = Health(clock, Rounds(), 60.0)
    clock.advance(3600)
    assert probe.started()
    assert probe.ready()
    assert not probe.live()


def test_a_replica_without_partitions_becomes_a_spare_and_does_not_hold_up_a_rollout() -> None:
    clock, held = ManualClock(1000.0), [0]
    check = HoldsPartitions(clock, lambda: held[0])
    assert check() == "no partition is assigned"
    held[0] = 2
    assert check() == ""
    held[0] = 0
    clock.advance(59)
    assert check()
    clock.advance(1)
    assert check() == ""


def test_redis_must_have_answered_within_half_a_minute() -> None:
    assert AnswersLately(lambda: 30.0)() == ""
    assert "31 s" in AnswersLately(lambda: 31.0)()


@pytest.fixture
def served() -> Iterator[tuple[Health, HealthServer]]:
    probe = health(ManualClock(1000.0))
    server = HealthServer("127.0.0.1", 0, probe, Meter())
    server.start()
    yield probe, server
    server.stop()


def get(server: HealthServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_each_probe_answers_200_when_well(served: tuple[Health, HealthServer]) -> None:
    for path in ("/livez", "/readyz", "/startupz?verbose=1"):
        assert get(served[1], path) == (200, b'{"ok": true, "wrong": []}')


def test_an_unwell_probe_answers_503_and_says_what_is_wrong(served: tuple[Health, HealthServer]) -> None:
    probe, server = served
    probe.loop.polls = 0
    status, body = get(server, "/readyz")
    assert status == 503
    assert json.loads(body)["wrong"] == ["the first round of the loop is not over"]
    assert get(server, "/livez")[0] == 200


def test_metrics_and_unknown_paths(served: tuple[Health, HealthServer]) -> None:
    status, body = get(served[1], "/metrics")
    assert status == 200
    assert b"# TYPE keywatch_events_total counter" in body
    assert get(served[1], "/metrics", "HEAD") == (200, b"")
    assert get(served[1], "/secrets")[0] == 404
    assert get(served[1], "/metrics", "POST")[0] == 501


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Fatal, match=f"metrics.port: cannot listen on 127.0.0.1:{port}"):
            HealthServer("127.0.0.1", port, health(ManualClock(1.0)), Meter())


def test_the_health_command_asks_the_process_of_the_config_file(
    served: tuple[Health, HealthServer], tmp_path: Path
) -> None:
    probe, server = served
    path = tmp_path / "keywatch.yaml"
    path.write_text(f"metrics: {{host: 0.0.0.0, port: {server.port}}}\n")
    assert CliRunner().invoke(app, ["health", "-c", str(path)]).output == "live\n"
    assert CliRunner().invoke(app, ["health", "-c", str(path), "--ready"]).output == "ready\n"
    probe.loop.polls = 0
    unready = CliRunner().invoke(app, ["health", "-c", str(path), "--ready"])
    assert unready.exit_code == 1
    assert "first round" in unready.output


@pytest.mark.parametrize(("port", "code"), [(0, 4), (1, 3)])
def test_the_health_command_without_anybody_to_ask(tmp_path: Path, port: int, code: int) -> None:
    path = tmp_path / "keywatch.yaml"
    path.write_text(f"metrics: {{port: {port}}}\n")
    assert CliRunner().invoke(app, ["health", "-c", str(path)]).exit_code == code
