"""Settings of the key store: one struct a kind, so that a setting of another kind is an error.

Secrets are never here but in files. A file is read at the start; tokens that somebody else renews
(federated and Kubernetes tokens) are read at each use.
"""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from domain.errors import Fatal, Reason

Kind = Literal[
    "redis",
    "kong",
    "aws-apigw",
    "aws-iam",
    "unkey",
    "azure-apim",
    "gravitee",
    "google",
    "apigee",
    "tyk",
    "vault",
    "webhook",
]


class HttpConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How long to wait for a connection and for an answer, and ``ca_file``: whose certificates to trust
    (PEM) beside the machine's own.
    """

    connect_timeout_s: float = 3.0
    timeout_s: float = 10.0
    ca_file: str = ""


class KongConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``url``: the Admin API, with the workspace if there are any (``https://kong:8444/default``).

    ``token_header``: ``Kong-Admin-Token`` (RBAC), or ``Authorization`` for Konnect.
    """

    url: str
    token_file: str = ""
    token_header: str = "Kong-Admin-Token"  # noqa: S105
    group: str = "keywatch-suspended"
    key_ids: Literal["credential", "consumer"] = "credential"
    http: HttpConfig = HttpConfig()


class AwsConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Credentials come from AWS's own chain: pod or instance role, environment, profile."""

    region: str = ""
    endpoint_url: str = ""


class UnkeyConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``token_file``: a root key."""

    token_file: str
    url: str = "https://api.unkey.com"
    http: HttpConfig = HttpConfig()


class TykConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``url``: of the gateway itself. ``secret_file``: its ``secret``. ``policy``, ``per_api_policy``:
    inactive policies for keys bound to policies (docs/key-stores/tyk.md); without the second, keys bound
    to per-API policies are not suspended.
    """

    url: str
    secret_file: str
    policy: str = "keywatch-suspended"
    per_api_policy: str = ""
    http: HttpConfig = HttpConfig()


class GraviteeConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``url``: to and with ``/management/v2`` (and ``/organizations/ID`` where there are several)."""

    url: str
    token_file: str
    environment: str = "DEFAULT"
    unit: Literal["subscription", "api-key"] = "subscription"
    http: HttpConfig = HttpConfig()


class AzureApimConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``service``: the resource id of the API Management service.

    ``credential``: ``workload-identity`` (``token_file``, as AKS mounts it), ``client-secret``
    (``secret_file``) or ``managed-identity`` of the machine.
    """

    service: str
    credential: Literal["workload-identity", "client-secret", "managed-identity"] = "workload-identity"
    tenant_id: str = ""
    client_id: str = ""
    token_file: str = "/var/run/secrets/azure/tokens/azure-identity-token"  # noqa: S105
    secret_file: str = ""
    url: str = "https://management.azure.com"
    login_url: str = "https://login.microsoftonline.com"
    metadata_url: str = "http://169.254.169.254"
    http: HttpConfig = HttpConfig()


class GoogleConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``credential``: ``metadata`` is the machine's or pod's own service account, ``service-account`` a
    key file of one.
    """

    project: str
    mode: Literal["restrict", "delete"] = "restrict"
    credential: Literal["metadata", "service-account"] = "metadata"
    account_file: str = ""
    url: str = "https://apikeys.googleapis.com"
    login_url: str = "https://oauth2.googleapis.com"
    metadata_url: str = "http://metadata.google.internal"
    http: HttpConfig = HttpConfig()


class ApigeeConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``credential`` as for ``google``."""

    organization: str
    credential: Literal["metadata", "service-account"] = "metadata"
    account_file: str = ""
    url: str = "https://apigee.googleapis.com/v1"
    login_url: str = "https://oauth2.googleapis.com"
    metadata_url: str = "http://metadata.google.internal"
    http: HttpConfig = HttpConfig()


class VaultConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``token_file`` is read at each call, as Vault Agent renews it."""

    url: str
    token_file: str
    namespace: str = ""
    http: HttpConfig = HttpConfig()


class WebhookConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``secret_files``: the first signs, and while a secret is replaced the old one may stand second.

    ``allow_networks``: networks that are not public and may be sent to; ``allow_http``: without TLS.
    ``describes``: whether the receiver tells a key's state.
    """

    url: str
    secret_files: list[str]
    describes: bool = True
    reversible: bool = True
    granularity: Literal["key", "consumer"] = "key"
    propagation_s: float = 60.0
    allow_networks: list[str] = []
    allow_http: bool = False
    http: HttpConfig = HttpConfig(timeout_s=20.0)


_SECTION: Final = {kind: kind.replace("-", "_") for kind in ("aws-apigw", "aws-iam", "azure-apim")}


def section_of(kind: str) -> str:
    """The name under which a kind's settings are.

    >>> section_of("aws-iam")
    'aws_iam'
    """
    return _SECTION.get(kind, kind)


def check_url(url: str, setting: str, *, allow_http: bool = True) -> None:
    """Raises ``Fatal(CONFIG)`` for what is no address of a server, or holds a login."""
    parts = urlsplit(url)
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        raise Fatal(Reason.CONFIG, f"{setting}: must begin with {' or '.join(f'{s}://' for s in schemes)}")
    if parts.username or parts.password:
        raise Fatal(Reason.CONFIG, f"{setting}: must hold no login; credentials come from files")
