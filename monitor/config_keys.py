"""Settings of the key store, of the middleware that asks it, and of the audit of its keys."""

from __future__ import annotations

import msgspec

from keystore.rules import PREFIXES
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
