"""Settings: a YAML file, then ``KEYWATCH_*`` variables, then flags; resolved once, unknown names refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from domain.errors import Fatal, Reason
from domain.secret import MASK, Secret
from monitor.config_alerting import (
    AlertConfig,
    AuditLogConfig,
    HeartbeatConfig,
    OwnersConfig,
    SlackConfig,
    SmtpConfig,
    WebhooksConfig,
)
from monitor.config_console import ConsoleConfig
from monitor.config_detection import DetectConfig as DetectConfig
from monitor.config_detection import ForestConfig as ForestConfig
from monitor.config_detection import GeoipConfig as GeoipConfig
from monitor.config_detection import StateConfig as StateConfig
from monitor.config_inputs import KafkaConfig as KafkaConfig
from monitor.config_inputs import KafkaOauthConfig as KafkaOauthConfig
from monitor.config_inputs import RegistryConfig as RegistryConfig
from monitor.config_keys import AuditConfig as AuditConfig
from monitor.config_keys import GateConfig as GateConfig
from monitor.config_keys import KeystoreConfig as KeystoreConfig
from monitor.config_telemetry import LogConfig as LogConfig
from monitor.config_telemetry import MetricsConfig as MetricsConfig
from monitor.config_telemetry import TracesConfig as TracesConfig

ENV_PREFIX = "KEYWATCH_"
DEFAULT_CONFIG = Path("keywatch.yaml")
"""Read when no file is named and this one is here."""


class RedisConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``url``: ``redis://``, ``rediss://`` for TLS, ``redis+cluster://`` for Redis Cluster, or
    ``redis+sentinel://SENTINEL:26379,SENTINEL:26379/NAME`` for the master that Sentinels call NAME.

    ``ca_file``: whom a TLS server must be signed by, the system's authorities when empty. ``cert_file`` and
    ``key_file``: our own certificate, where the server asks for one. ``sentinel_user`` and
    ``sentinel_password_file``: how to log in at the Sentinels, where they ask.
    """

    url: str = "redis://localhost:6379/0"
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    timeout_s: float = 5.0
    sentinel_user: str = ""
    sentinel_password_file: str = ""
    allow_unsafe: bool = False


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All settings; every default is safe."""

    kafka: KafkaConfig = KafkaConfig()
    kafka_oauth: KafkaOauthConfig = KafkaOauthConfig()
    registry: RegistryConfig = RegistryConfig()
    redis: RedisConfig = RedisConfig()
    geoip: GeoipConfig = GeoipConfig()
    detect: DetectConfig = DetectConfig()
    state: StateConfig = StateConfig()
    forest: ForestConfig = ForestConfig()
    slack: SlackConfig = SlackConfig()
    keystore: KeystoreConfig = KeystoreConfig()
    gate: GateConfig = GateConfig()
    audit: AuditConfig = AuditConfig()
    alert: AlertConfig = AlertConfig()
    log: LogConfig = LogConfig()
    metrics: MetricsConfig = MetricsConfig()
    traces: TracesConfig = TracesConfig()
    smtp: SmtpConfig = SmtpConfig()
    webhook: WebhooksConfig = WebhooksConfig()
    owners: OwnersConfig = OwnersConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    audit_log: AuditLogConfig = AuditLogConfig()
    console: ConsoleConfig = ConsoleConfig()


_SECRET_FIELDS = {("slack", "token")}


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the settings. Raises ``Fatal`` naming the file, the setting and what to do."""
    tree = _read(path) if path else {}
    for name, value in sorted((os.environ if environ is None else environ).items()):
        if name.startswith(ENV_PREFIX) and "__" in name:
            *sections, field = name[len(ENV_PREFIX) :].lower().split("__")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
                if not isinstance(place, dict):
                    raise Fatal(Reason.CONFIG, f"{path}: `{section}` must hold settings, one a line")
            place[field] = value
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
    tree["keystore"] = {name: value for name, value in tree["keystore"].items() if value is not None}
    if config.keystore.webhook is not None:
        tree["keystore"]["webhook"]["url"] = masked_path(config.keystore.webhook.url)
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


def masked_path(url: str) -> str:
    """A URL of which only the server shows: a webhook's path is often its password.

    >>> masked_path("https://hooks.example/T0/B0/s3cret?x=1")
    'https://hooks.example/********'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/{MASK}"
