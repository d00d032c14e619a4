"""The gate of an API, from the same settings as the daemon: what an application imports.

Loads NumPy, for the event, but neither the detectors nor their libraries: it starts fast and stays small.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer

from domain.errors import Fatal, Reason
from keystore.middleware.gate import Gate
from keystore.middleware.proxies import TrustedProxies
from keystore.middleware.settings import GateSettings
from keystore.middleware.usage import KafkaUsage, NoUsage, UsageCounts, UsageSink
from keystore.redis_store import RedisKeyStore
from monitor.config import Config, load, secret
from monitor.connect import connect_redis, kafka_settings, redis_tls
from monitor.logs import Log
from monitor.sentinel import sentinel_login
from monitor.source.refusal import kafka_python_options
from monitor.source.settings import KafkaSettings
from monitor.wiring_clock import CLOCK
from monitor.wiring_keys import key_store

LINGER_MS: Final = 50
"""Events wait this long for others: few, larger writes, and detection is as quick to the eye."""
BLOCK_MS: Final = 2_000
DELIVERY_MS: Final = 30_000
"""An event that did not reach the broker in this time is lost."""


def open_gate(config: Path | str | Config | None = None) -> Gate:
    """A gate over the configured key store and topic; ``None`` reads the environment only.

    Connects at the first request, so that the application starts whatever is down. Raises
    ``Fatal(CONFIG)`` for settings that cannot work.
    """
    settings = config if isinstance(config, Config) else load(Path(config) if config else None)
    log = Log(CLOCK, settings.log.level)
    return Gate(_keys(settings), usage_for(settings, log), CLOCK, _gate_settings(settings), log.warning)


def _gate_settings(config: Config) -> GateSettings:
    gate = config.gate
    return GateSettings(
        environment=gate.environment,
        key_header=gate.key_header,
        proxies=TrustedProxies.of(gate.trusted_hops, gate.trusted_proxies),
        fail_open=gate.fail_open,
        public_paths=frozenset(gate.public_paths),
        realm=gate.realm,
        problem_types=gate.problem_types,
    )


def _keys(config: Config) -> RedisKeyStore:
    if not config.keystore.pepper_file:
        raise Fatal(Reason.CONFIG, "keystore.pepper_file is not set: without it no key can be verified")
    password = secret("", config.redis.password_file, "redis.password_file")
    tls, login = redis_tls(config.redis), sentinel_login(config.redis)
    client = connect_redis(config.redis.url, config.gate.store_timeout_s, password, tls, login)
    return key_store(config, client)


def usage_for(config: Config, log: Log) -> UsageSink:
    """Where the gate tells what keys are used for."""
    if not config.gate.usage_events:
        return NoUsage()
    settings = kafka_settings(config, config.kafka.topic)

    def tell(counts: UsageCounts, why: str) -> None:
        log.warning("usage_events", why=why, lost=counts.lost, delivered=counts.delivered)

    return KafkaUsage(lambda: _producer(settings), settings.topic, CLOCK, tell)


def _producer(settings: KafkaSettings) -> Any:
    return KafkaProducer(
        bootstrap_servers=settings.bootstrap.split(","),
        bootstrap_timeout_ms=BLOCK_MS,
        acks="all",
        enable_idempotence=False,  # not every broker has producer ids; an event twice is rare and does little
        linger_ms=LINGER_MS,
        max_block_ms=BLOCK_MS,
        request_timeout_ms=BLOCK_MS * 5,
        delivery_timeout_ms=DELIVERY_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **kafka_python_options(settings),
    )
