"""Settings: a YAML file, then ``KEYWATCH_*`` variables, then flags; resolved once, unknown names refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from domain.errors import Fatal, Reason
from domain.secret import MASK, Secret
from monitor.config_alerting import (
    AlertConfig,
    AuditConfig,
    HeartbeatConfig,
    OwnersConfig,
    SlackConfig,
    SmtpConfig,
    WebhookConfig,
)

ENV_PREFIX = "KEYWATCH_"


class KafkaConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where usage events come from. ``partitions: all`` reads every partition without a consumer group.

    ``poll_records``: records taken at once at most; more is faster, fewer is less memory.
    """

    bootstrap: str = "localhost:9092"
    topic: str = "api-usage"
    group: str = "keywatch"
    partitions: Literal["group", "all"] = "group"
    instance_id: str = ""
    format: str = "native"
    client: Literal["kafka-python", "confluent"] = "kafka-python"
    dead_letter_topic: str = ""
    poll_records: int = 20_000
    security: dict[str, str] = {}
    password_file: str = ""


class RedisConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``url``: ``redis://``, ``rediss://``, or ``redis+cluster://`` for Redis Cluster."""

    url: str = "redis://localhost:6379/0"
    password_file: str = ""
    timeout_s: float = 5.0
    allow_unsafe: bool = False


class GeoipConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """MMDB files, later ones fill what earlier ones leave empty. None: the country database we ship.

    ``lists``: name -> file of networks worth a word (``tor``, ``vpn``, ``hosting``): an address, CIDR or
    AS number a line. Databases and lists are read again when they change.
    """

    databases: list[str] = []
    lists: dict[str, str] = {}


class DetectConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """See ``monitor.detect.DetectSettings`` and ``monitor.engine.EngineSettings``.

    ``honey_keys``: ids of keys that nobody may use; one request with one is proof.
    """

    evidence_bits: float = 6.0
    finding_bits: float = 12.0
    refire_min: int = 60
    hold_risk: float = 0.5
    hold_min: int = 360
    lateness_min: int = 2
    max_future_s: float = 300.0
    honey_keys: list[str] = []


class StateConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``commit_every_s``: how often work is made durable. ``cached_keys``: profiles kept in this process."""

    commit_every_s: float = 1.0
    cached_keys: int = 1_000_000


class ForestConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """When the IsolationForest is trained, and from how many windows at least."""

    train_every_min: float = 60.0
    min_samples: int = 500
    seed: int = 20_240_601


class KeystoreConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``pepper_file`` holds ``version:hex`` lines; without it keys can be suspended but not issued."""

    pepper_file: str = ""


class LogConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Structured logs to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json: bool = True


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All settings; every default is safe."""

    kafka: KafkaConfig = KafkaConfig()
    redis: RedisConfig = RedisConfig()
    geoip: GeoipConfig = GeoipConfig()
    detect: DetectConfig = DetectConfig()
    state: StateConfig = StateConfig()
    forest: ForestConfig = ForestConfig()
    slack: SlackConfig = SlackConfig()
    keystore: KeystoreConfig = KeystoreConfig()
    alert: AlertConfig = AlertConfig()
    log: LogConfig = LogConfig()
    smtp: SmtpConfig = SmtpConfig()
    webhook: WebhookConfig = WebhookConfig()
    owners: OwnersConfig = OwnersConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    audit: AuditConfig = AuditConfig()


_SECRET_FIELDS = {("slack", "token")}


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the settings. Raises ``Fatal`` naming the file, the setting and what to do."""
    tree = _read(path) if path else {}
    for name, value in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(ENV_PREFIX) and "__" in name:
            section, _, field = name[len(ENV_PREFIX) :].lower().partition("__")
            if not isinstance(tree.setdefault(section, {}), dict):
                raise Fatal(Reason.CONFIG, f"{path}: `{section}` must hold settings, one a line")
            tree[section][field] = value
    try:
        return msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as error:
        source = path or "the KEYWATCH_* environment"
        raise Fatal(Reason.CONFIG, f"{source}: {error}; see `keywatch config check`") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text())
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read the config file {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Fatal(Reason.CONFIG, f"{path} is not YAML: {error}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise Fatal(Reason.CONFIG, f"{path}: expected sections such as `kafka:` at the top level")
    return tree


def secret(value: str, file: str, setting: str) -> Secret:
    """A secret from its value or its file; the file is read now and must not be empty."""
    if not file:
        return Secret(value)
    try:
        text = Path(file).read_text().strip()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"{setting}: cannot read {file}: {error.strerror}") from error
    if not text:
        raise Fatal(Reason.CONFIG, f"{setting}: {file} is empty")
    return Secret(text)


def masked(config: Config) -> dict[str, Any]:
    """The settings as plain values for printing, secrets and passwords in URLs masked."""
    tree: dict[str, Any] = msgspec.to_builtins(config)
    for section, field in _SECRET_FIELDS:
        if tree[section][field]:
            tree[section][field] = MASK
    tree["redis"]["url"] = masked_url(config.redis.url)
    tree["kafka"]["security"] = {
        name: MASK if "password" in name else value for name, value in config.kafka.security.items()
    }
    return tree


def masked_url(url: str) -> str:
    """A URL without its password.

    >>> masked_url("redis://user:hunter2@host:6379/0")
    'redis://user:********@host:6379/0'
    """
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, slashes, login = head.partition("://")
    user = login.partition(":")[0]
    return f"{scheme}{slashes}{user}:{MASK}@{tail}"
