"""Both Kafka clients, and ``keywatch run``, at a broker with TLS and each way to log in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from domain.errors import Fatal, Reason
from domain.ports import KeyState
from monitor.config import Config, GeoipConfig, KafkaConfig, KafkaOauthConfig, load
from monitor.config_alerting import AlertConfig
from monitor.connect import connect_redis, kafka_settings
from monitor.demo import POLICY
from monitor.source.base import Source
from monitor.source.dead_letter import KafkaDeadLetters
from monitor.wiring import key_store, open_redis, source_for
from sample_streams import GEO
from tests.faults.stored import offsets
from tests.faults.streams import PARTITIONS, Topic, filled
from tests.processes import running, until
from tests.secured import PASSWORD, Certificates, SecuredKafka, SecuredRedis, secured_kafka, secured_redis
from tests.secured import certificates as make_certificates
from tests.secured_settings import Client, acl_rules, kafka_config, redis_config
from tests.token_server import CLIENT, SECRET, TokenServer

CLIENTS: Final = ("kafka-python", "confluent")
pytestmark = pytest.mark.kafka


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


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    return path


def oauth_config(broker: SecuredKafka, directory: Path, secret: str = SECRET) -> KafkaOauthConfig:
    path = directory / "client-secret"
    path.write_text(secret + "\n")
    return KafkaOauthConfig(
        token_url=f"{broker.tokens.url}/token", client_id=CLIENT, client_secret_file=str(path), scope="kafka"
    )


def mtls_config(broker: SecuredKafka, topic: str, client: Client, certificates: Certificates) -> KafkaConfig:
    made = kafka_config(broker.mtls, topic, client, certificates, None, security_protocol="SSL")
    security = {name: value for name, value in made.security.items() if not name.startswith("sasl")}
    return msgspec.structs.replace(made, security=security)


def read_some(source: Source) -> int:
    """Records of the first polls that bring any."""
    deadline = time.monotonic() + 60
    read = 0
    while not read and time.monotonic() < deadline:
        polled = source.poll(0.2)
        for number in polled.assigned:
            source.seek(number, None)
        read += sum(len(batch) for batch in polled.batches)
    return read


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_client_joins_its_group_and_reads_with_a_password(
    client: Client,
    mechanism: str,
    broker: SecuredKafka,
    stolen: Topic,
    certificates: Certificates,
    password: Path,
) -> None:
    kafka = kafka_config(
        broker.bootstrap, stolen.name, client, certificates, password, sasl_mechanism=mechanism
    )
    source = source_for(Config(kafka=kafka))
    assert read_some(source) > 0
    source.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_with_its_certificate_alone(
    client: Client, broker: SecuredKafka, stolen: Topic, certificates: Certificates
) -> None:
    config = Config(kafka=mtls_config(broker, stolen.name, client, certificates))
    source = source_for(config)
    assert read_some(source) > 0
    source.close()
    letters = KafkaDeadLetters(kafka_settings(config, f"{stolen.name}.dead-letter"))
    letters.flush()
    letters.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_reads_on_with_new_tokens_when_the_first_runs_out(
    client: Client, broker: SecuredKafka, stolen: Topic, certificates: Certificates, tmp_path: Path
) -> None:
    broker.tokens.life_s, broker.tokens.given = 5, 0
    kafka = kafka_config(
        broker.bootstrap, stolen.name, client, certificates, None, sasl_mechanism="OAUTHBEARER"
    )
    config = Config(kafka=kafka, kafka_oauth=oauth_config(broker, tmp_path))
    source = source_for(config)
    assert read_some(source) > 0
    began, deadline = broker.tokens.given, time.monotonic() + 60
    while broker.tokens.given < began + 2 and time.monotonic() < deadline:
        source.poll(0.2)
    broker.tokens.life_s = 3600
    assert broker.tokens.given >= began + 2
    assert broker.tokens.asked[-1]["scope"] == ["kafka"]
    for number in range(PARTITIONS):
        source.seek(number, None)
    assert read_some(source) > 0
    source.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_token_may_come_from_a_file(
    client: Client, broker: SecuredKafka, stolen: Topic, certificates: Certificates, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text(broker.tokens.token())
    kafka = kafka_config(
        broker.bootstrap, stolen.name, client, certificates, None, sasl_mechanism="OAUTHBEARER"
    )
    source = source_for(Config(kafka=kafka, kafka_oauth=KafkaOauthConfig(token_file=str(path))))
    assert read_some(source) > 0
    source.close()


# -- refused -----------------------------------------------------------------------------------------


def refused(config: Config) -> str:
    """What is said, at once, by the source and by the writer of dead letters."""
    with pytest.raises(Fatal) as source:
        source_for(config)
    with pytest.raises(Fatal) as letters:
        KafkaDeadLetters(kafka_settings(config, "any"))
    assert source.value.reason is letters.value.reason is Reason.CREDENTIALS
    assert "not-the" not in f"{source.value}{letters.value}"
    return f"{source.value}\n{letters.value}"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_wrong_password_is_told_as_such(
    client: Client, mechanism: str, broker: SecuredKafka, certificates: Certificates, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-password")
    kafka = kafka_config(broker.bootstrap, "any", client, certificates, wrong, sasl_mechanism=mechanism)
    said = refused(Config(kafka=kafka))
    assert said.count("kafka.password_file") == 2
    assert said.count("'keywatch'") == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_a_mechanism_that_the_listener_does_not_have_is_told(
    client: Client, broker: SecuredKafka, certificates: Certificates, password: Path
) -> None:
    kafka = kafka_config(
        broker.bootstrap, "any", client, certificates, password, sasl_mechanism="SCRAM-SHA-256"
    )
    assert refused(Config(kafka=kafka)).count("kafka.security.sasl_mechanism") == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_an_authority_that_did_not_sign_is_told_with_its_file(
    client: Client, broker: SecuredKafka, certificates: Certificates, password: Path
) -> None:
    other = str(certificates.client)
    kafka = kafka_config(broker.bootstrap, "any", client, certificates, password, ssl_cafile=other)
    said = refused(Config(kafka=kafka))
    assert said.count("kafka.security.ssl_cafile") == said.count(other) == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_our_expired_certificate_is_told_with_its_file(
    client: Client, broker: SecuredKafka, certificates: Certificates, password: Path
) -> None:
    files = {"ssl_certfile": str(certificates.expired), "ssl_keyfile": str(certificates.expired_key)}
    kafka = kafka_config(broker.bootstrap, "any", client, certificates, password, **files)
    said = refused(Config(kafka=kafka))
    assert said.count("kafka.security.ssl_certfile") == said.count(str(certificates.expired)) == 2


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("wrong", ["signature", "secret"])
def test_a_token_that_is_not_believed_or_not_given_is_told(
    client: Client, wrong: str, broker: SecuredKafka, certificates: Certificates, tmp_path: Path
) -> None:
    kafka = kafka_config(broker.bootstrap, "any", client, certificates, None, sasl_mechanism="OAUTHBEARER")
    path = tmp_path / "token"
    path.write_text(TokenServer().token())
    oauth = KafkaOauthConfig(token_file=str(path))
    if wrong == "secret":
        oauth = oauth_config(broker, tmp_path, "not-the-secret")
    assert refused(Config(kafka=kafka, kafka_oauth=oauth)).count("kafka_oauth") == 2


@pytest.mark.parametrize(
    ("mechanism", "oauth", "words"),
    [
        ("PLAIN", KafkaOauthConfig(token_file="t"), "sasl_mechanism: OAUTHBEARER"),
        ("OAUTHBEARER", KafkaOauthConfig(), "needs one of"),
        ("OAUTHBEARER", KafkaOauthConfig(token_file="t", token_url="https://x"), "needs one of"),
        ("OAUTHBEARER", KafkaOauthConfig(token_url="https://x"), "client_secret_file"),
        ("OAUTHBEARER", KafkaOauthConfig(token_url="x", client_id="a", client_secret_file="b"), "token_url"),
    ],
)
def test_settings_of_tokens_that_do_not_go_together_are_refused(
    mechanism: str, oauth: KafkaOauthConfig, words: str
) -> None:
    config = Config(kafka=KafkaConfig(security={"sasl_mechanism": mechanism}), kafka_oauth=oauth)
    with pytest.raises(Fatal, match=words) as caught:
        kafka_settings(config, "any")
    assert caught.value.reason is Reason.CONFIG


# -- the daemon --------------------------------------------------------------------------------------


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
    denied = {entry["object"] for entry in admin.acl_log()}
    assert denied == set()
    assert PASSWORD not in (tmp_path / "log").read_text()
    ours.close()
    admin.close()
