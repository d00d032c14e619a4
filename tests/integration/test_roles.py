"""A consumer and an alerter in processes of their own: findings go from one to the other through Redis."""

from __future__ import annotations

import http.client
import signal
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from alerting.audit import RedisAudit
from domain.clock import ManualClock
from domain.ports import KeyState
from monitor.cli import app
from monitor.config import Config, GeoipConfig, KafkaConfig, RedisConfig, load
from monitor.config_alerting import AlertConfig
from monitor.connect import connect_redis
from monitor.demo import POLICY
from monitor.embedded import free_port
from monitor.watch import ActiveKeys
from monitor.wiring import key_store
from monitor.wiring_alerting import office_for
from monitor.wiring_readers import readers_for
from sample_streams import GEO
from tests.faults.stored import offsets
from tests.faults.streams import PARTITIONS, filled
from tests.processes import probe, running, until
from tests.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


@pytest.fixture
def config_file(tmp_path: Path, kafka: Kafka, redis_url: str) -> Path:
    stolen = filled(kafka, "stolen_key_new_country")
    (tmp_path / "policy.yaml").write_text(POLICY)
    config = Config(
        kafka=KafkaConfig(
            bootstrap=kafka.bootstrap, topic=stolen.name, group=tmp_path.name, client="confluent"
        ),
        redis=RedisConfig(url=redis_url),
        geoip=GeoipConfig(databases=[str(GEO)]),
        alert=AlertConfig(policy=str(tmp_path / "policy.yaml")),
    )
    path = tmp_path / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


def scraped(port: int) -> dict[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def keywatch(*arguments: str, **environ: str) -> str:
    done = CliRunner().invoke(app, arguments, env=environ)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_consumer_finds_and_an_alerter_elsewhere_suspends(config_file: Path, tmp_path: Path) -> None:
    config = load(config_file, {})
    client = connect_redis(config.redis.url)
    keys = key_store(config, client)
    keys.import_external("key_victim", "acme", "ops@acme.example")
    consume, alert = free_port(), free_port()
    run = ("run", "-c", str(config_file), "--role")
    with running(tmp_path / "consume.log", *run, "consume", KEYWATCH_METRICS__PORT=str(consume)) as consumer:
        until(lambda: probe(consume, "/readyz") == 200, consumer, "ready")
        found = 'keywatch_findings_total{detector="geo_shift"}'
        until(lambda: scraped(consume).get(found, 0) > 0, consumer, "found")
        until(lambda: sum(offsets(client, config.kafka.topic, PARTITIONS)) > 0, consumer, "committed")
        assert keys.describe("key_victim").state is KeyState.ACTIVE
        assert "committed after" in keywatch("roundtrip", "-c", str(config_file))
        with running(tmp_path / "alert.log", *run, "alert", KEYWATCH_METRICS__PORT=str(alert)) as alerter:
            until(lambda: keys.describe("key_victim").state is KeyState.SUSPENDED, alerter, "suspended")
            until(lambda: probe(alert, "/readyz") == 200, alerter, "ready")
            asked = ("health", "-c", str(config_file), "--ready")
            assert keywatch(*asked, KEYWATCH_METRICS__PORT=str(alert)) == "ready\n"
            delivered = 'keywatch_alerts_delivered_total{notifier="stdout"}'
            until(lambda: scraped(alert).get(delivered, 0) >= 1, alerter, "told")
            told = scraped(alert)
            assert told["keywatch_suspensions_total"] == 1
            assert told['keywatch_redis_used_memory_bytes{node="redis"}'] > 0
            (config_file.parent / "policy.yaml").write_text(POLICY.replace("suspend: on", "suspend: off"))
            alerter.send_signal(signal.SIGHUP)
            log = tmp_path / "alert.log"
            until(lambda: b"file_reloaded" in log.read_bytes(), alerter, "policy reloaded")
            reasons = [entry.why for entry in RedisAudit(client, ManualClock()).page()]
            assert any("suspend: on -> off" in why for why in reasons)
        until(lambda: ActiveKeys(client, config.kafka.topic).total() > 0, consumer, "active keys told")
        overview = readers_for(config, client, office_for(config, client)).overview
        until(lambda: sum(m.events for m in overview.pulse().minutes) > 0, consumer, "pulse told")
        pulse = overview.pulse()
        assert pulse.lag is not None
        assert sum(minute.findings for minute in pulse.minutes) > 0
        assert pulse.findings > 0
        assert pulse.alerts >= 1
        assert pulse.suspensions == 1
    assert probe(consume, "/livez") == 0
    client.close()


def test_a_roundtrip_without_a_consumer_says_so(config_file: Path) -> None:
    arguments = ["roundtrip", "-c", str(config_file), "--timeout", "0"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 3
    assert "is a consumer running and ready?" in done.output
