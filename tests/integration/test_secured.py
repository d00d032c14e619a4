"""Redis over TLS with least rights, and what is said when it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from domain.case import CaseState
from domain.decision import Action
from domain.errors import Fatal, Reason
from domain.overview import FindingQuery, FoundFinding
from monitor.checkpoint.base import Commit
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, RedisConfig
from monitor.connect import connect_redis, redis_tls
from monitor.pulse import Pulses, Tally
from monitor.source.settings import KafkaSettings
from monitor.wiring import CLOCK, open_redis
from monitor.wiring_alerting import office_for
from monitor.wiring_readers import readers_for
from monitor.wiring_tokens import kafka_tokens
from tests.alerts import NOW_MS, case, finding
from tests.secured import (
    PASSWORD,
    Certificates,
    SecuredRedis,
    secured_redis,
)
from tests.secured import certificates as make_certificates
from tests.secured_settings import PAGE, acl_rules, redis_config


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def store(tmp_path: Path, certificates: Certificates) -> Iterator[SecuredRedis]:
    with secured_redis(tmp_path, certificates, acl_rules()) as found:
        yield found


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


@pytest.mark.redis
def test_what_redis_refuses_is_told_in_the_words_of_the_settings(
    store: SecuredRedis, certificates: Certificates, password: Path, wrong: Path
) -> None:
    for config, words in [
        (redis_config(store, certificates, wrong), "refused our credentials"),
        (
            redis_config(
                store,
                certificates,
                password,
                cert_file=str(certificates.expired),
                key_file=str(certificates.expired_key),
            ),
            "expired",
        ),
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
    (kafka, oauth, store, watched) = [msgspec.convert(yaml.safe_load(block), Config) for block in blocks]
    assert redis_tls(store.redis).keys() == {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
    assert KafkaSettings("h", "t", security=kafka.kafka.security).revealed() == kafka.kafka.security
    assert kafka_tokens(oauth) is not None
    connect_redis(watched.redis.url).close()


def test_the_rights_on_the_page_cover_every_command_of_a_script() -> None:
    sources = [
        path for part in ("monitor", "keystore", "alerting", "console") for path in Path(part).rglob("*.py")
    ]
    text = "".join(path.read_text() for path in sources)
    called = {name.lower() for name in re.findall(r"redis\.p?call\(['\"](\w+)", text)}
    assert len(called) > 10
    assert {f"+{name}" for name in called} <= set(acl_rules())


def commit_one(config: Config) -> None:
    with closing(open_redis(config)) as client:
        store = RedisStateStore(client, "usage")
        store.claim(0, b"fence")
        store.commit(0, Commit(expected=b"fence", fence=b"next", offset=7, outbox=[(6, b"finding")]))


@pytest.mark.redis
@pytest.mark.parametrize("missing", ["+ping", "+hget", "+hset", "+xadd"])
def test_a_right_that_is_missing_is_named(
    tmp_path: Path, certificates: Certificates, password: Path, missing: str
) -> None:
    rules = [rule for rule in acl_rules() if rule != missing]
    with secured_redis(tmp_path, certificates, rules) as store:
        config = Config(redis=redis_config(store, certificates, password))
        with pytest.raises(Fatal) as caught:
            commit_one(config)
    assert caught.value.reason is Reason.CREDENTIALS
    assert f"may not run {missing[1:].upper()}" in str(caught.value)


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
