"""What the settings of key stores mean, for docs/reference/settings.md."""

from __future__ import annotations

from typing import Final

from monitor import config_keystore as k
from monitor.config import KeystoreConfig

KEYSTORE_SECTIONS: Final[dict[str, str]] = {
    "keystore": "Which store holds the keys, see [key stores](../key-stores/index.md).",
    "keystore.kong": "See [Kong](../key-stores/kong.md).",
    "keystore.aws_apigw": "See [AWS API Gateway](../key-stores/aws-apigw.md).",
    "keystore.aws_iam": "See [AWS IAM](../key-stores/aws-iam.md).",
    "keystore.unkey": "See [Unkey](../key-stores/unkey.md).",
    "keystore.azure_apim": "See [Azure API Management](../key-stores/azure-apim.md).",
    "keystore.gravitee": "See [Gravitee](../key-stores/gravitee.md).",
    "keystore.google": "See [Google](../key-stores/google.md).",
    "keystore.apigee": "See [Apigee](../key-stores/apigee.md).",
    "keystore.tyk": "See [Tyk](../key-stores/tyk.md).",
    "keystore.vault": "See [Vault](../key-stores/vault.md).",
    "keystore.webhook": "See [webhook](../key-stores/webhook.md).",
    "keystore.*.http": "What every adapter over HTTP has, as `http` in its section.",
}
_LOGIN: Final = "Where tokens are asked for."
_METADATA: Final = "The machine's metadata service."

KEYSTORE_WORDS: Final[dict[type, dict[str, str]]] = {
    KeystoreConfig: {
        "pepper_file": "`version:hex` lines. Without it keys can be suspended but not issued.",
        "prefixes": "Type and environment that keys may be issued with.",
        "imported_secrets": "Also look up keys that another system made; then any text is looked up.",
        "kind": "Which store; any but `redis` is set up in the section of its name.",
    },
    k.HttpConfig: {
        "connect_timeout_s": "How long to wait for a connection.",
        "timeout_s": "How long to wait for an answer; 20 for `webhook`.",
        "ca_file": "Certificates (PEM) to trust beside the machine's own.",
    },
    k.KongConfig: {
        "url": "The Admin API, with the workspace if there are any.",
        "token_file": "RBAC token; none for OSS.",
        "token_header": "`Kong-Admin-Token`, or `Authorization` for Konnect.",
        "group": "The group that an `acl` plugin denies.",
        "key_ids": "What events call a key: `authenticated_entity.id` or `consumer.id`.",
    },
    k.AwsConfig: {
        "region": "AWS region; empty: as AWS's own chain says.",
        "endpoint_url": "Another endpoint, such as a VPC's.",
    },
    k.UnkeyConfig: {
        "token_file": "A root key.",
        "url": "Unkey's API.",
    },
    k.TykConfig: {
        "url": "The gateway itself.",
        "secret_file": "Its `secret`.",
        "policy": "Inactive policy for keys bound to policies.",
        "per_api_policy": "Inactive policy for keys bound to per-API policies; empty: these are not stopped.",
    },
    k.GraviteeConfig: {
        "url": "To and with `/management/v2`.",
        "token_file": "A personal access token.",
        "environment": "Gravitee's environment.",
        "unit": "What is stopped: a subscription, or one API key of it.",
    },
    k.AzureApimConfig: {
        "service": "Resource id of the API Management service.",
        "credential": "How keywatch logs in.",
        "tenant_id": "Directory; not for `managed-identity`.",
        "client_id": "Application; for `managed-identity` that of the identity, if there are several.",
        "token_file": "For `workload-identity`: the token that AKS mounts.",
        "secret_file": "For `client-secret`.",
        "url": "Azure Resource Manager.",
        "login_url": _LOGIN,
        "metadata_url": _METADATA,
    },
    k.GoogleLoginConfig: {
        "credential": "`metadata` is the machine's or pod's account, `service-account` a key file of one.",
        "account_file": "The key file.",
        "login_url": _LOGIN,
        "metadata_url": _METADATA,
    },
    k.GoogleConfig: {
        "project": "The project of the keys.",
        "mode": "What suspending does: restrict to nobody, or delete (30 days to undo).",
        "url": "Google's API.",
    },
    k.ApigeeConfig: {
        "organization": "The name of its Google Cloud project.",
        "url": "Apigee's API.",
    },
    k.VaultConfig: {
        "url": "Vault's address.",
        "token_file": "Read at each call, as Vault Agent renews it.",
        "namespace": "Vault Enterprise's namespace.",
    },
    k.WebhookConfig: {
        "url": "Where acts are posted.",
        "secret_files": "The first signs; an old one may stand second while it is replaced.",
        "describes": "Whether the receiver tells a key's state.",
        "reversible": "Whether a suspension can be undone. If not, keywatch never suspends by itself.",
        "granularity": "What stops: one key, or all of a consumer.",
        "propagation_s": "Seconds until a stop takes effect.",
        "allow_networks": "Networks that are not public and may be sent to.",
        "allow_http": "Allow an address without TLS.",
    },
}
"""Struct -> field -> what it means."""
