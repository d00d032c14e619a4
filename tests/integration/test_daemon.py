"""``keywatch run`` as a process, on Apache Kafka and every kind of Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.ports import KeyState
from monitor.config import Config, GeoipConfig, KafkaConfig, RedisConfig, load
from monitor.config_alerting import AlertConfig, SlackConfig
from monitor.connect import connect_redis
from monitor.demo import POLICY
from monitor.wiring import key_store
from sample_streams import GEO
from tests.faults.stored import offsets
from tests.faults.streams import PARTITIONS, Topic, filled
from tests.processes import KEYWATCH, until
from tests.servers import Kafka
from tests.slack_server import SlackServer, slack_server

pytestmark = [pytest.mark.kafka]
TOKEN = "xoxb-a-token-that-no-log-may-show"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with slack_server() as running:
        yield running


@pytest.fixture(scope="module")
def stolen(kafka: Kafka) -> Topic:
    return filled(kafka, "stolen_key_new_country")


@pytest.fixture
def config_file(tmp_path: Path, stolen: Topic, any_redis: str, slack: SlackServer) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "token").write_text(TOKEN + "\n")
    config = Config(
        kafka=KafkaConfig(bootstrap=stolen.kafka.bootstrap, topic=stolen.name, group=tmp_path.name),
        redis=RedisConfig(url=any_redis),
        geoip=GeoipConfig(databases=[str(GEO)]),
        slack=SlackConfig(channel="#keys", token_file=str(tmp_path / "token"), base_url=slack.base_url),
        alert=AlertConfig(policy=str(tmp_path / "policy.yaml")),
    )
    path = tmp_path / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


def keywatch(*arguments: str) -> Any:
    done = subprocess.run([*KEYWATCH, *arguments], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout) if "--json" in arguments else done.stdout.decode()


def test_a_stolen_key_is_told_and_suspended_and_a_person_reinstates_it(
    config_file: Path, stolen: Topic, slack: SlackServer
) -> None:
    config = load(config_file, {})
    client = connect_redis(config.redis.url)
    keys = key_store(config, client)
    keys.import_external("key_victim", "acme", "ops@acme.example")
    with (config_file.parent / "log").open("wb") as log:
        env = {**os.environ, "PYTHONWARNINGS": "ignore"}
        daemon = subprocess.Popen([*KEYWATCH, "run", "-c", str(config_file)], stdout=log, stderr=log, env=env)
        try:
            until(lambda: offsets(client, stolen.name, PARTITIONS) == stolen.ends, daemon, "read")
            until(lambda: keys.describe("key_victim").state is KeyState.SUSPENDED, daemon, "suspended")
            until(lambda: len(slack.calls) >= 2, daemon, "told in Slack")
        finally:
            daemon.send_signal(signal.SIGTERM)
            code = daemon.wait(timeout=40)
    written = (config_file.parent / "log").read_text()
    assert code == 0, written
    assert TOKEN not in written
    assert slack.tokens[0] == f"Bearer {TOKEN}"
    assert slack.calls[0][0] == "chat.postMessage"
    assert len(slack.posts()) == 1
    assert "key_victim" in json.dumps(slack.calls[0][1]["blocks"])

    (case,) = keywatch("cases", "list", "-c", str(config_file), "--json")
    assert (case["key_id"], case["state"]) == ("key_victim", "open")
    assert case["id"] in json.dumps([arguments for _, arguments in slack.calls])
    keywatch("cases", "reinstate", case["id"], "--reason", "our new office", "-c", str(config_file))
    assert keys.describe("key_victim").state is KeyState.ACTIVE
    client.close()


def test_sigterm_in_the_middle_commits_what_is_done(config_file: Path, stolen: Topic) -> None:
    client = connect_redis(load(config_file, {}).redis.url)
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "KEYWATCH_STATE__COMMIT_EVERY_S": "3600"}
    with (config_file.parent / "log").open("wb") as log:
        daemon = subprocess.Popen([*KEYWATCH, "run", "-c", str(config_file)], stdout=log, stderr=log, env=env)
        until(lambda: b"partition_claimed" in (config_file.parent / "log").read_bytes(), daemon, "claimed")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=40) == 0
    last = json.loads((config_file.parent / "log").read_text().splitlines()[-1])
    assert last["event"] == "stopped"
    at = offsets(client, stolen.name, PARTITIONS)
    assert sum(max(offset, 0) for offset in at) == last["events"]
    client.close()
