"""Settings: a YAML file, then ``KEYWATCH_*`` variables, then flags; resolved once, unknown names refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml

from domain.errors import Fatal, Reason
from domain.secret import MASK, Secret
from keystore.rules import PREFIXES
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
from monitor.config_inputs import KafkaConfig as KafkaConfig
from monitor.config_inputs import KafkaOauthConfig as KafkaOauthConfig
from monitor.config_inputs import RegistryConfig as RegistryConfig
from monitor.config_keystore import (
    ApigeeConfig,
    AwsConfig,
    AzureApimConfig,
    GoogleConfig,
    GraviteeConfig,
    Kind,
    KongConfig,
    TykConfig,
    UnkeyConfig,
    VaultConfig,
    WebhookConfig,
)

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
    """``pepper_file`` holds ``version:hex`` lines; without it keys can be suspended but not issued.

    ``prefixes``: type_env that keys are issued with. ``imported_secrets``: look for keys that another
    system made and ``keys import`` took over, too; then any text is looked up. ``kind``: which store holds
    the keys; any but ``redis`` is set up in the section of its own name (docs/key-stores/).
    """

    pepper_file: str = ""
    prefixes: tuple[str, ...] = PREFIXES
    imported_secrets: bool = False
    kind: Kind = "redis"
    kong: KongConfig | None = None
    aws_apigw: AwsConfig | None = None
    aws_iam: AwsConfig | None = None
    unkey: UnkeyConfig | None = None
    azure_apim: AzureApimConfig | None = None
    gravitee: GraviteeConfig | None = None
    google: GoogleConfig | None = None
    apigee: ApigeeConfig | None = None
    tyk: TykConfig | None = None
    vault: VaultConfig | None = None
    webhook: WebhookConfig | None = None


class GateConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The middleware in front of an API, see :class:`keystore.middleware.settings.GateSettings`.

    ``trusted_hops`` or ``trusted_proxies`` (CIDRs): whose ``X-Forwarded-For`` is believed.
    ``store_timeout_s``: how long a request may wait for the key store, three times at most.
    ``usage_events``: write each request to ``kafka.topic``, where the daemon reads it.
    """

    environment: str = ""
    key_header: str = ""
    trusted_hops: int = 0
    trusted_proxies: list[str] = []
    fail_open: bool = False
    public_paths: list[str] = []
    realm: str = "api"
    problem_types: str = ""
    store_timeout_s: float = 0.5
    usage_events: bool = True


class AuditConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The key audit, see :class:`keystore.audit.controls.AuditSettings`.

    ``every_days``: how often the daemon makes one, 0 for never. ``named``: keys a control names.
    """

    every_days: float = 7.0
    named: int = 20
    max_age_days: int = 90
    unused_days: int = 30
    expiring_days: int = 30
    max_networks: int = 10
    review_hours: int = 24


class LogConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Structured logs to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json: bool = True


class MetricsConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The HTTP endpoint for Prometheus and probes (``/metrics``, ``/livez``, ``/readyz``, ``/startupz``).

    ``port`` 0 means none. ``stalled_s``: after how long without a step of its loop ``/livez`` says no.
    """

    host: str = "127.0.0.1"
    port: int = 0
    stalled_s: float = 120.0


class TracesConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """OpenTelemetry traces over OTLP/HTTP; needs the extra ``otel``.

    ``endpoint``: such as ``http://collector:4318``, else OTEL_EXPORTER_OTLP_ENDPOINT. ``sample_ratio``: share
    of traces kept that begin here; those that come with a record follow its ``traceparent``'s sampled flag.
    """

    enabled: bool = False
    endpoint: str = ""
    sample_ratio: float = 1.0


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
