"""``keywatch run`` over TLS: SCRAM and a client certificate at Kafka, least rights at Redis."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import pytest
import yaml

from domain.case import CaseState
from domain.decision import Action
from domain.errors import Fatal, Reason
from domain.overview import FindingQuery, FoundFinding
from domain.ports import KeyState
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, GeoipConfig, KafkaConfig, RedisConfig, load
from monitor.config_alerting import AlertConfig
from monitor.connect import connect_redis, redis_tls
from monitor.demo import POLICY
from monitor.pulse import Pulses, Tally
from monitor.source.settings import KafkaSettings
from monitor.wiring import CLOCK, key_store, open_redis, source_for
from monitor.wiring_alerting import office_for
from monitor.wiring_readers import readers_for
from sample_streams import GEO
from tests.alerts import NOW_MS, case, finding
from tests.faults.stored import offsets
from tests.faults.streams import PARTITIONS, Topic, filled
from tests.processes import running, until
from tests.secured import (
    PASSWORD,
    USER,
    Certificates,
    SecuredKafka,
    SecuredRedis,
    secured_kafka,
    secured_redis,
)
from tests.secured import certificates as make_certificates

PAGE: Final = Path("docs") / "secured.md"
Client = Literal["kafka-python", "confluent"]


def acl_rules() -> list[str]:
    """The rules on the page, without the user's name and password."""
    (block,) = re.findall(r"```\nuser keywatch (.*?)```", PAGE.read_text(), re.DOTALL)
    return [rule for rule in block.split() if rule != "on" and not rule.startswith((">", "#"))]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("secured-kafka"), certificates) as found:
        yield found


@pytest.fixture(scope="module")
def stolen(broker: SecuredKafka) -> Topic:
    return filled(broker.plain, "stolen_key_new_country")


@pytest.fixture
def store(tmp_path: Path, certificates: Certificates) -> Iterator[SecuredRedis]:
    with secured_redis(tmp_path, certificates, acl_rules()) as found:
        yield found


def redis_config(
    store: SecuredRedis, certificates: Certificates, password: Path, **other: str
) -> RedisConfig:
    files = {
        "ca_file": str(certificates.authority),
        "cert_file": str(certificates.client),
        "key_file": str(certificates.client_key),
    }
    config = RedisConfig(url=store.url, password_file=str(password))
    return msgspec.structs.replace(config, **(files | other))


def kafka_config(
    bootstrap: str, topic: str, client: Client, certificates: Certificates, password: Path, **other: str
) -> KafkaConfig:
    security = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": USER,
        "ssl_cafile": str(certificates.authority),
        "ssl_certfile": str(certificates.client),
        "ssl_keyfile": str(certificates.client_key),
    }
    return KafkaConfig(
        bootstrap=bootstrap,
        topic=topic,
        client=client,
        group=uuid.uuid4().hex,
        security=security | other,
        password_file=str(password),
    )


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong"
    path.write_text("not-the-password\n")
    return path


@pytest.mark.kafka
@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_a_client_joins_its_group_and_reads_over_tls_with_scram(
    client: Client, broker: SecuredKafka, stolen: Topic, certificates: Certificates, password: Path
) -> None:
    config = Config(kafka=kafka_config(broker.bootstrap, stolen.name, client, certificates, password))
    source = source_for(config)
    deadline = time.monotonic() + 60
    read = 0
    while not read and time.monotonic() < deadline:
        polled = source.poll(0.2)
        for number in polled.assigned:
            source.seek(number, None)
        read += sum(len(batch) for batch in polled.batches)
    source.close()
    assert read > 0


@pytest.mark.kafka
@pytest.mark.redis
def test_the_daemon_reads_and_suspends_with_least_rights(
    tmp_path: Path,
    broker: SecuredKafka,
    stolen: Topic,
    store: SecuredRedis,
    certificates: Certificates,
    password: Path,
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    config = Config(
        kafka=kafka_config(broker.bootstrap, stolen.name, "kafka-python", certificates, password),
        redis=redis_config(store, certificates, password),
        geoip=GeoipConfig(databases=[str(GEO)]),
        alert=AlertConfig(policy=str(tmp_path / "policy.yaml")),
    )
    path = tmp_path / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    ours = open_redis(load(path, {}))
    keys = key_store(config, ours)
    keys.import_external("key_victim", "acme", "ops@acme.example")
    admin: Any = connect_redis(store.plain)
    with running(tmp_path / "log", "run", "-c", str(path)) as daemon:
        until(lambda: offsets(admin, stolen.name, PARTITIONS) == stolen.ends, daemon, "read")
        until(lambda: keys.describe("key_victim").state is KeyState.SUSPENDED, daemon, "suspended")
    refused = {entry["object"] for entry in admin.acl_log()}
    assert refused == set()
    assert PASSWORD not in (tmp_path / "log").read_text()
    ours.close()
    admin.close()


@pytest.mark.redis
def test_what_redis_refuses_is_told_in_the_words_of_the_settings(
    store: SecuredRedis, certificates: Certificates, password: Path, wrong: Path
) -> None:
    for config, words in [
        (redis_config(store, certificates, wrong), "refused our credentials"),
        (redis_config(store, certificates, password, ca_file=""), r"redis\.ca_file"),
        (redis_config(store, certificates, password, ca_file=str(certificates.server)), r"redis\.ca_file"),
    ]:
        with pytest.raises(Fatal, match=words) as caught:
            open_redis(Config(redis=config))
        assert caught.value.reason is Reason.CREDENTIALS


def test_files_for_tls_without_tls_are_refused(certificates: Certificates) -> None:
    config = RedisConfig(url="redis://127.0.0.1:1/0", ca_file=str(certificates.authority))
    with pytest.raises(Fatal, match="rediss://"):
        open_redis(Config(redis=config))


def test_the_settings_on_the_page_are_settings() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (kafka, store) = [msgspec.convert(yaml.safe_load(block), Config) for block in blocks]
    assert redis_tls(store.redis).keys() == {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
    assert KafkaSettings("h", "t", security=kafka.kafka.security).revealed() == kafka.kafka.security


def test_the_rights_on_the_page_cover_every_command_of_a_script() -> None:
    sources = [path for part in ("monitor", "keystore", "alerting") for path in Path(part).rglob("*.py")]
    text = "".join(path.read_text() for path in sources)
    called = {name.lower() for name in re.findall(r"redis\.p?call\(['\"](\w+)", text)}
    assert len(called) > 10
    assert {f"+{name}" for name in called} <= set(acl_rules())


@pytest.mark.redis
def test_what_the_console_reads_needs_no_more_rights(
    store: SecuredRedis, certificates: Certificates, password: Path
) -> None:
    config = Config(redis=redis_config(store, certificates, password))
    ours = open_redis(config)
    office = office_for(config, ours)
    readers = readers_for(config, ours, office)
    state = RedisStateStore(ours, config.kafka.topic)
    state.claim(0, b"fence")
    tally = Tally()
    tally.committed(0, 0.0)
    Pulses(ours, config.kafka.topic, CLOCK).tell(tally, {0: 1}, [0])
    closed = msgspec.structs.replace(case(finding()), state=CaseState.EXPIRED, closed_ms=1, opened_ms=0)
    office.cases.put(closed)
    office.findings.write(FoundFinding(finding(ts_ms=0), Action.ALERT, ""), loud=True, now_ms=0)
    assert readers.overview.pulse().partitions == 1
    assert len(readers.findings.page(FindingQuery()).findings) == 1
    assert readers.directory.page().keys == []
    assert office.findings.prune(NOW_MS) == office.cases.prune(NOW_MS, NOW_MS) == 1
    begun = readers.backtests.start(readers.policy.current(), 0, 1, "ada")
    assert readers.backtests.get(begun.id).who == "ada"
    readers.backtests.stop()
    with connect_redis(store.plain) as admin:
        refused: Any = admin.acl_log()
    assert refused == []
    ours.close()
