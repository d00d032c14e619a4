"""The parts of a key audit, put together."""

from __future__ import annotations

from pathlib import Path

from alerting.cases import RedisCaseStore
from keystore.hashing import Peppers
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.key_audit import AuditKeeper, KeyAuditor
from monitor.key_usage import ProfileUsage
from monitor.logs import Log
from monitor.wiring import CLOCK, Client, key_store, open_redis, read_config


def auditor_for(config: Config, client: Client) -> KeyAuditor:
    """An auditor of the reference store, with the baselines of the configured topic."""
    pepper_file = config.keystore.pepper_file
    return KeyAuditor(
        keys=key_store(config, client),
        usage=ProfileUsage(RedisStateStore(client, config.kafka.topic), CLOCK),
        cases=RedisCaseStore(client),
        current_pepper=Peppers.from_file(Path(pepper_file)).current if pepper_file else 0,
        config=config.audit,
        clock=CLOCK,
    )


def audit_keeper_for(config: Config, client: Client, log: Log) -> AuditKeeper:
    """The daemon's job."""
    return AuditKeeper(client, auditor_for(config, client).run, config.audit.every_days, CLOCK, log)


def open_auditor(path: Path | None) -> KeyAuditor:
    """The auditor of a config file."""
    config = read_config(path)
    return auditor_for(config, open_redis(config))
