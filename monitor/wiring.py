"""Where the concrete parts meet, and the only place that reads the machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from redis.cluster import RedisCluster

from alerting.audit import RedisAudit
from alerting.cases import RedisCaseStore
from alerting.policy import Policy, load_policy
from detectors.catalog import DETECTORS, sight_detectors, surge_detectors, window_detectors
from domain.errors import Fatal, Reason, Refused
from domain.ports import KeyState
from domain.secret import Secret
from keystore.adapters.store import VendorKeyStore
from keystore.redis_store import RedisKeyStore
from monitor.checkpoint.redis import RedisStateStore
from monitor.claim import DetectSettings
from monitor.config import DEFAULT_CONFIG, Config, load, secret
from monitor.connect import connect_redis, kafka_settings, redis_refusal, redis_tls, redis_warnings
from monitor.decode.base import Limits
from monitor.detect import Detection
from monitor.engine import Engine, EngineSettings
from monitor.enrich.enricher import Enricher
from monitor.enrich.geo import VENDORED, Geo
from monitor.enrich.lists import NetworkLists
from monitor.logs import Log
from monitor.outside import HONEY, Outside, Watched
from monitor.pipeline import Pipeline
from monitor.renew import STOPPED_GRACE_S, Renewal
from monitor.sentinel import sentinel_login
from monitor.source.base import Source
from monitor.source.dead_letter import KafkaDeadLetters
from monitor.wiring_clock import CLOCK as CLOCK
from monitor.wiring_formats import decoder_of
from monitor.wiring_keys import key_store as key_store
from monitor.wiring_keystore import vendor_store

Client = redis.Redis | RedisCluster


sleep: Callable[[float], None] = time.sleep


def read_config(path: Path | None) -> Config:
    """The settings of ``path``, or of ``keywatch.yaml`` here if there is one."""
    return load(path or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None))


# -- parts -------------------------------------------------------------------------------------------


def enricher_for(config: Config) -> Enricher:
    """An enricher over the configured MMDB files and lists, or the country database we ship."""
    paths = [Path(p) for p in config.geoip.databases] or [VENDORED]
    return Enricher(Geo(paths), NetworkLists({name: Path(p) for name, p in config.geoip.lists.items()}))


def engine_for(config: Config, topic: str, policy: Policy | None = None) -> Engine:
    """Every detector of the catalogue, with the configured settings and the policy's alert budget."""
    detect = config.detect
    settings = DetectSettings(
        evidence_bits=detect.evidence_bits,
        alert_p=(policy or policy_for(config)).alert_p,
        finding_bits=detect.finding_bits,
        refire_min=detect.refire_min,
        hold_risk=detect.hold_risk,
        hold_min=detect.hold_min,
    )
    detection = Detection(
        topic,
        sight_detectors(tuple(config.geoip.lists)),
        window_detectors(),
        surge_detectors(),
        DETECTORS,
        settings,
        Outside(watched={key_id: Watched(HONEY) for key_id in detect.honey_keys}),
    )
    return Engine(detection, EngineSettings(lateness_min=detect.lateness_min))


def open_redis(config: Config) -> Client:
    """A client that has answered once. Raises ``Fatal`` naming ``redis.url`` when it does not."""
    settings = config.redis
    password = secret("", settings.password_file, "redis.password_file")
    client = connect_redis(
        settings.url, settings.timeout_s, password, redis_tls(settings), sentinel_login(settings)
    )
    try:
        client.ping()
    except redis.exceptions.RedisError as error:
        raise redis_refusal(settings, error) from error
    return client


def check_redis(config: Config, client: Client, log: Log) -> None:
    """Refuse a Redis that evicts; say what else is unsafe about it."""
    try:
        for warning in redis_warnings(client):
            log.warning("redis_setting", message=warning)
    except Fatal as error:
        if not config.redis.allow_unsafe:
            raise
        log.warning("redis_setting", message=str(error))


def source_for(config: Config) -> Source:
    """The configured Kafka client; ``confluent`` needs the extra ``fast``."""
    settings = kafka_settings(config, config.kafka.topic)
    if config.kafka.client == "confluent":
        from monitor.source.confluent import ConfluentSource

        return ConfluentSource(settings)
    from monitor.source.kafka_python import KafkaPythonSource

    return KafkaPythonSource(settings)


def dead_letter_topic(config: Config) -> str:
    """Where rejected records go: beside the topic they came from, unless told otherwise."""
    return config.kafka.dead_letter_topic or f"{config.kafka.topic}.dead-letter"


def pipeline_for(config: Config, client: Client, log: Log) -> Pipeline:
    """The consumer: Kafka to Redis."""
    limits = Limits(max_future_s=config.detect.max_future_s, now=CLOCK.now)
    return Pipeline(
        source=source_for(config),
        decoder=decoder_of(config, config.kafka.format, limits),
        enricher=enricher_for(config),
        engine=engine_for(config, config.kafka.topic),
        store=RedisStateStore(client, config.kafka.topic),
        dead_letters=KafkaDeadLetters(kafka_settings(config, dead_letter_topic(config))),
        clock=CLOCK,
        sleep=sleep,
        log=log,
        commit_every_s=config.state.commit_every_s,
        cached_keys=config.state.cached_keys,
    )


def renewal_for(config: Config, client: Client, outside: Outside) -> Renewal:
    """Keeps ``outside`` fresh from Redis, the key store and the verdicts."""
    keys, acting = key_store(config, client), acting_store(config, client)

    def stopped() -> list[str]:
        if isinstance(acting, VendorKeyStore):
            return list(acting.held())
        # a forgotten client of a key whose grace is over proves nothing
        return [
            key.status.key_id
            for key in keys.every_key()
            if key.status.state is KeyState.SUSPENDED
            or (key.status.state is KeyState.REVOKED and key.retires_ms is None)
        ]

    store = RedisStateStore(client, config.kafka.topic)
    grace_s = max(STOPPED_GRACE_S, acting.capabilities().propagation_s)
    return Renewal(
        outside, config.detect.honey_keys, store.fleets, stopped, RedisCaseStore(client), CLOCK, grace_s
    )


def policy_for(config: Config) -> Policy:
    """The configured policy, or the shipped one."""
    return load_policy(Path(config.alert.policy) if config.alert.policy else None)


def acting_store(config: Config, client: Any) -> RedisKeyStore | VendorKeyStore:
    """Where keys are stopped and let go: ``keystore.kind``."""
    if config.keystore.kind == "redis":
        return key_store(config, client)
    return vendor_store(config.keystore, client, CLOCK, audit_for(config, client))


def audit_for(config: Config, client: Any) -> RedisAudit:
    """The audit log, sealed with its key if it has one: an entry without the seal would break it."""
    return RedisAudit(client, CLOCK, audit_key(config))


def audit_key(config: Config) -> Secret:
    """The key of the audit log's MACs, empty without one."""
    return secret("", config.audit_log.hmac_key_file, "audit_log.hmac_key_file")


# -- for the commands --------------------------------------------------------------------------------


def open_key_store(path: Path | None) -> RedisKeyStore:
    """Our own key store, by a config file. Raises ``Refused`` where keys are kept elsewhere."""
    config = read_config(path)
    if config.keystore.kind != "redis":
        raise Refused(
            Reason.DENIED,
            f"keystore.kind is {config.keystore.kind}: keys are issued, listed and revoked there; from here "
            "they can be suspended, reinstated and looked at (keywatch keys store-check)",
        )
    return key_store(config, open_redis(config))


def open_acting_store(path: Path | None) -> RedisKeyStore | VendorKeyStore:
    """Where people stop and let go keys, by a config file."""
    config = read_config(path)
    return acting_store(config, open_redis(config))
