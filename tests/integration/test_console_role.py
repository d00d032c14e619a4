"""``keywatch run --role console`` as a process: it lets in who has a token, and nobody else."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.config import Config, KafkaConfig, RedisConfig
from monitor.config_console import ConsoleConfig
from monitor.embedded import free_port
from tests.processes import probe, running, until
from tests.servers import Kafka

pytestmark = pytest.mark.redis


def configured(folder: Path, redis_url: str, **console: object) -> Path:
    config = Config(
        redis=RedisConfig(url=redis_url, allow_unsafe=True),
        console=msgspec.convert({"port": free_port(), **console}, ConsoleConfig),
    )
    path = folder / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


def made_token(folder: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["console", "token", *options])
    assert done.exit_code == 0, done.output
    with (folder / "tokens.yaml").open("a") as file:
        file.write(done.stdout)
    return done.stderr.split()[-1]


def test_it_lets_in_who_has_a_token(tmp_path: Path, redis_url: str) -> None:
    token = made_token(tmp_path, "ci", "--role", "viewer")
    path = configured(tmp_path, redis_url, tokens_file=str(tmp_path / "tokens.yaml"))
    port = msgspec.yaml.decode(path.read_bytes(), type=Config).console.port
    metrics = free_port()
    log, asked = tmp_path / "log", f"http://127.0.0.1:{port}/api/v1/me"
    arguments = ("run", "-c", str(path), "--role", "console")
    with running(log, *arguments, KEYWATCH_METRICS__PORT=str(metrics)) as process:
        until(lambda: probe(metrics, "/readyz") == 200, process, "ready")
        until(lambda: probe(port, "/api/v1/openapi.json") == 200, process, "answers")
        assert httpx.get(asked).status_code == 401
        answer = httpx.get(asked, headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["name"] == "console:ci"
        assert "server" not in answer.headers
        overview = httpx.get(asked.replace("/me", "/overview"), headers={"Authorization": f"Bearer {token}"})
        assert overview.status_code == 200, overview.text
        second = made_token(tmp_path, "mary@shop.example", "--role", "admin", "--days", "1")
        process.send_signal(signal.SIGHUP)
        header = {"Authorization": f"Bearer {second}"}
        until(lambda: httpx.get(asked, headers=header).status_code == 200, process, "the new token known")
    assert token not in log.read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "the console lets nobody in: set console.tokens_file"),
        ({"tokens_file": "/nowhere"}, "console.tokens_file: cannot read /nowhere"),
    ],
)
def test_it_refuses_to_start(tmp_path: Path, redis_url: str, settings: dict[str, object], said: str) -> None:
    path = configured(tmp_path, redis_url, **settings)
    done = CliRunner().invoke(app, ["run", "-c", str(path), "--role", "console"])
    assert done.exit_code == 4
    assert said in done.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "it is a list of lines as `keywatch console token` prints them"),
        ("- {name: a, role: king, sha256: x}", "Invalid enum value 'king'"),
        ("- {name: a, role: viewer, sha256: x}", "sha256 of a is no SHA-256"),
        ("- {name: a b, role: viewer, sha256: x}", "a token's name has letters"),
        (f"- {{name: a, role: viewer, sha256: '{'0' * 64}', expires: 2027-01-01}}", "expires"),
        (f"- {{name: a, role: viewer, sha256: '{'0' * 64}'}}\n" * 2, "a token is there twice"),
    ],
)
def test_a_broken_tokens_file_is_told(tmp_path: Path, redis_url: str, text: str, said: str) -> None:
    (tmp_path / "tokens.yaml").write_text(text)
    path = configured(tmp_path, redis_url, tokens_file=str(tmp_path / "tokens.yaml"))
    done = CliRunner().invoke(app, ["run", "-c", str(path), "--role", "console"])
    assert done.exit_code == 4
    assert said in done.output


@pytest.mark.kafka
def test_role_all_serves_it_once_somebody_may_come_in(tmp_path: Path, redis_url: str, kafka: Kafka) -> None:
    token = made_token(tmp_path, "ci")
    path = configured(tmp_path, redis_url, tokens_file=str(tmp_path / "tokens.yaml"))
    config = msgspec.yaml.decode(path.read_bytes(), type=Config)
    kafka.create_topic(f"{tmp_path.name}.dead-letter")
    topic = KafkaConfig(bootstrap=kafka.bootstrap, topic=kafka.create_topic(tmp_path.name))
    path.write_bytes(msgspec.yaml.encode(msgspec.structs.replace(config, kafka=topic)))
    asked = f"http://127.0.0.1:{config.console.port}/api/v1/health"
    header = {"Authorization": f"Bearer {token}"}
    with running(tmp_path / "log", "run", "-c", str(path)) as process:
        until(lambda: probe(config.console.port, "/api/v1/openapi.json") == 200, process, "answers")
        assert httpx.get(asked, headers=header).json()["state"] == "ok"


def test_a_port_that_is_taken_is_told(tmp_path: Path, redis_url: str) -> None:
    made_token(tmp_path, "ci")
    path = configured(tmp_path, redis_url, tokens_file=str(tmp_path / "tokens.yaml"))
    port = msgspec.yaml.decode(path.read_bytes(), type=Config).console.port
    with socket.create_server(("127.0.0.1", port)):
        done = CliRunner().invoke(app, ["run", "-c", str(path), "--role", "console"])
    assert done.exit_code == 4
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in done.output
