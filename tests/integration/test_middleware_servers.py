"""The loop closed: requests through a real server and our gate to Kafka, and from there into a baseline."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition
from msgspec.structs import replace

from domain.errors import Fatal
from domain.leak import hashed_id
from keystore.hashing import Peppers
from keystore.middleware import asgi, wsgi
from keystore.middleware.gate import Gate
from keystore.redis_store import RedisKeyStore
from keystore.results import Issued
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, GateConfig, KafkaConfig, KeystoreConfig, RedisConfig
from monitor.connect import connect_redis
from monitor.embedded import free_port
from monitor.key_usage import ProfileUsage
from monitor.logs import Log
from monitor.wiring import CLOCK, key_store, pipeline_for
from monitor.wiring_gate import open_gate
from tests.doors import asgi_app, by_asgi, fastapi_app, wsgi_app
from tests.servers import Kafka
from tests.web import HOST, serving, serving_asgi

Serve = Callable[[Gate], Any]


@dataclass
class Platform:
    """An API's surroundings: a topic, a key store, the settings of both."""

    config: Config
    keys: RedisKeyStore
    client: Any

    def issue(self) -> Issued:
        return self.keys.issue("acme", "ops@acme.example", "ci", scopes=("GET,POST:/v1/**",))


@pytest.fixture
def platform(kafka: Kafka, redis_url: str, tmp_path: Path) -> Iterator[Platform]:
    topic = kafka.create_topic(f"usage-{uuid.uuid4().hex}", 2)
    kafka.create_topic(f"{topic}.dead-letter")
    Peppers.generate().save(tmp_path / "peppers")
    config = Config(
        kafka=KafkaConfig(bootstrap=kafka.bootstrap, topic=topic, partitions="all"),
        redis=RedisConfig(url=redis_url),
        keystore=KeystoreConfig(pepper_file=str(tmp_path / "peppers")),
        gate=GateConfig(environment="live"),
    )
    client = connect_redis(redis_url)
    yield Platform(config, key_store(config, client), client)
    client.close()


@contextmanager
def by_uvicorn(app: Any) -> Iterator[str]:
    """A real ASGI server; its access log goes where logging says."""
    with serving_asgi(app, log_level=None, log_config=None, lifespan="on", access_log=True) as url:
        yield url


class Quiet(WSGIRequestHandler):
    """Without a log of its own: wsgiref's is the bare request line, which no middleware can reach."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Nothing."""


@contextmanager
def by_wsgiref(app: Any) -> Iterator[str]:
    """A real WSGI server."""
    server = make_server(HOST, 0, app, handler_class=Quiet)
    with serving(server):
        yield f"http://{HOST}:{server.server_port}"


SERVERS: dict[str, tuple[Callable[[Any], Any], Serve]] = {
    "uvicorn": (by_uvicorn, lambda gate: asgi.KeyMiddleware(asgi_app, gate)),
    "uvicorn-fastapi": (by_uvicorn, fastapi_app),
    "wsgiref": (by_wsgiref, lambda gate: wsgi.KeyMiddleware(wsgi_app, gate)),
}


def topic_values(config: Config) -> list[bytes]:
    """Everything that is in the topic."""
    consumer = KafkaConsumer(bootstrap_servers=config.kafka.bootstrap, auto_offset_reset="earliest")
    try:
        parts = [TopicPartition(config.kafka.topic, number) for number in range(2)]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        values: list[bytes] = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for records in consumer.poll(timeout_ms=1000).values():
                values += [(record.key or b"") + b" " + record.value for record in records]
        return values
    finally:
        consumer.close()


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.parametrize("kind", SERVERS)
def test_what_the_gate_sees_is_what_the_daemon_counts(
    platform: Platform, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    serve, behind = SERVERS[kind]
    key = platform.issue()
    secret = key.secret.reveal()
    header = {"Authorization": f"Bearer {secret}"}
    gate = open_gate(platform.config)
    shown: list[str] = []
    with (
        caplog.at_level(logging.INFO, "uvicorn.access"),
        serve(behind(gate)) as url,
        httpx.Client(base_url=url) as client,
    ):

        def status(path: str, headers: dict[str, str] | None = None) -> int:
            answer = client.get(path, headers=headers)
            shown.append(f"{answer.headers} {answer.text}")
            return answer.status_code

        assert [status("/v1/items", header) for _ in range(4)] == [201] * 4
        assert [status("/v1/items"), status("/v2/items", header)] == [401, 403]
        assert status(f"/v1/items?api_key={secret}") == 400
        platform.keys.suspend(key.key_id, case_id="case_1", reason="spike", expires_ms=None)
        assert status("/v1/items", header) == 403
    if kind == "wsgiref":  # uvicorn's shutdown does it by itself
        gate.close()

    values = topic_values(platform.config)
    assert len(values) == 8  # four uses, the scope, the leak and its use, the suspension; not the 401
    log = io.StringIO()
    pipeline = pipeline_for(platform.config, platform.client, Log(CLOCK, "info", log))
    for _ in range(300):
        if pipeline.stats.events == len(values):
            break
        pipeline.run_once(0.1)
    pipeline.commit()
    counted = {
        part.key_ids[slot]: int(part.windows["count"][row])
        for part in pipeline.parts.values()
        for held in part.open.values()
        for slot, row in held.items()
    }
    pipeline.source.close()
    assert counted == {key.key_id: 7, hashed_id(secret): 1}
    assert (pipeline.stats.leaked, pipeline.stats.findings) == (1, 1)
    assert pipeline.stats.rejected == {}
    usage = ProfileUsage(RedisStateStore(platform.client, platform.config.kafka.topic), CLOCK)
    assert [found.name for found in usage.leaked()] == [hashed_id(secret)]

    access = [record.getMessage() for record in caplog.records if record.name == "uvicorn.access"]
    written = "".join(capfd.readouterr())
    everywhere = [*map(repr, values), *shown, *access, log.getvalue(), written]
    body = secret.rpartition("_")[2]
    assert [text for text in everywhere if body in text] == []
    assert f'"key_in_query", "key_id": "{key.key_id}"' in written
    if "uvicorn" in kind:
        assert len(access) == 8
        assert any('"GET /v1/items HTTP/1.1" 400' in line for line in access)


@pytest.mark.redis
def test_a_gate_whose_redis_is_gone_starts_and_stays_closed(platform_away: Config, redis_url: str) -> None:
    keys = key_store(platform_away, connect_redis(redis_url))
    secret = keys.issue("acme", "ops", scopes=("GET:/**",)).secret.reveal()
    gate = open_gate(platform_away)
    call = by_asgi(gate)
    assert call("GET", "/", headers={"Authorization": f"Bearer {secret}"}).status_code == 503
    assert call("GET", "/").status_code == 401
    gate.close()


@pytest.fixture
def platform_away(tmp_path: Path) -> Config:
    """Nothing answers but the file with the peppers."""
    Peppers.generate().save(tmp_path / "peppers")
    away = f"{HOST}:{free_port()}"
    return Config(
        redis=RedisConfig(url=f"redis://{away}"),
        kafka=KafkaConfig(bootstrap=away),
        keystore=KeystoreConfig(pepper_file=str(tmp_path / "peppers")),
        gate=GateConfig(store_timeout_s=0.1),
    )


def test_a_gate_without_peppers_or_with_contradictions_says_so_at_once(platform_away: Config) -> None:
    for config, what in (
        (replace(platform_away, keystore=KeystoreConfig()), "pepper_file"),
        (replace(platform_away, gate=GateConfig(trusted_proxies=["10.0.0.1/8"])), "trusted proxies"),
    ):
        with pytest.raises(Fatal, match=what):
            open_gate(config)


def test_a_gate_reads_the_settings_file(tmp_path: Path, platform_away: Config) -> None:
    path = tmp_path / "keywatch.yaml"
    gate = GateConfig(key_header="X-API-Key", trusted_hops=2, fail_open=True, public_paths=["/health"])
    path.write_bytes(msgspec.yaml.encode(replace(platform_away, gate=gate)))
    settings = open_gate(path).settings
    assert (settings.key_header, settings.proxies.hops) == ("X-API-Key", 2)
    assert (settings.fail_open, settings.public_paths) == (True, frozenset({"/health"}))


FORKING = """
import os, sys, time
from domain.event import UsageEvent
from monitor.config import Config, GateConfig, KafkaConfig
from monitor.logs import Log
from monitor.wiring_clock import CLOCK
from monitor.wiring_gate import usage_for
from tests.web import serving, serving_asgi
usage = usage_for(Config(kafka=KafkaConfig(bootstrap=sys.argv[1], topic=sys.argv[2])), Log(CLOCK))
usage.emit(UsageEvent(ts=1, key_id="parent"))
child = os.fork()
if not child:
    usage.emit(UsageEvent(ts=1, key_id="child"))
    while not usage.counts().delivered:  # a broker under load may take longer than closing waits for
        time.sleep(0.05)
    usage.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
"""The parent leaves without closing: the interpreter's exit sends what waits."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_process_forked_after_the_first_event_has_a_thread_of_its_own(kafka: Kafka) -> None:
    """A pre-forking server may load the application, and even use it, before it forks."""
    topic = kafka.create_topic(f"usage-{uuid.uuid4().hex}", 2)
    run = [sys.executable, "-W", "ignore", "-c", FORKING, kafka.bootstrap, topic]
    subprocess.run(run, check=True, timeout=60)
    config = Config(kafka=KafkaConfig(bootstrap=kafka.bootstrap, topic=topic))
    assert sorted(value.split()[0] for value in topic_values(config)) == [b"child", b"parent"]
