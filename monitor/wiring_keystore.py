"""Makes the configured key store: ours on Redis, or an adapter to a vendor's."""

from __future__ import annotations

import ipaddress
import logging
import random
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx

from domain.clock import Clock
from domain.errors import Fatal, Reason
from domain.ports import Audit, Capabilities, Granularity
from domain.secret import Secret
from keystore.adapters import grants
from keystore.adapters.address_guard import AddressGuard
from keystore.adapters.apigee import Apigee
from keystore.adapters.azure_apim import AzureApim
from keystore.adapters.google import GoogleApiKeys
from keystore.adapters.gravitee import Gravitee
from keystore.adapters.http import Api, Headers, Place
from keystore.adapters.kong import Kong
from keystore.adapters.patience import Patience
from keystore.adapters.pinned import PinnedTransport
from keystore.adapters.redis_priors import RedisPriorStates
from keystore.adapters.standard_webhooks import Signer
from keystore.adapters.store import VendorKeyStore
from keystore.adapters.tokens import OAuthTokens, bearer, from_file, read_secret
from keystore.adapters.tyk import Tyk
from keystore.adapters.unkey import Unkey
from keystore.adapters.vault import Vault
from keystore.adapters.vendor import Vendor
from keystore.adapters.webhook import Webhook
from monitor.config import KeystoreConfig
from monitor.config_keystore import (
    ApigeeConfig,
    AwsConfig,
    AzureApimConfig,
    GoogleConfig,
    GraviteeConfig,
    HttpConfig,
    KongConfig,
    TykConfig,
    UnkeyConfig,
    VaultConfig,
    WebhookConfig,
    check_url,
    section_of,
)

ARM_SCOPE: Final = "https://management.azure.com/.default"
ARM_RESOURCE: Final = "https://management.azure.com/"
GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


def vendor_store(config: KeystoreConfig, redis: Any, clock: Clock, audit: Audit | None) -> VendorKeyStore:
    """The adapter of ``keystore.kind``, which is not ``redis``; holds are remembered in Redis.

    Raises ``Fatal`` for settings that cannot be used. Nothing is sent to the vendor yet.
    """
    vendor = Vendors(clock, Patience(time.sleep, random.random)).make(config)
    return VendorKeyStore(vendor, RedisPriorStates(redis, config.kind), clock, audit)


def capabilities_of(config: KeystoreConfig, clock: Clock) -> Capabilities:
    """What the configured store can do. Reads its settings and secrets as :func:`vendor_store` does, and
    asks nobody. Raises ``Fatal``.
    """
    if config.kind == "redis":
        return Capabilities(reversible=True, granularity=Granularity.KEY, propagation_s=0.0, revokes=True)
    return Vendors(clock, Patience(time.sleep, random.random)).make(config).capabilities


class Vendors:
    """Makes vendors of settings."""

    def __init__(self, clock: Clock, patience: Patience) -> None:
        self._clock = clock
        self._patience = patience
        for name in ("httpx", "httpcore", "botocore", "urllib3"):  # they log URLs, and Apigee's hold the key
            logging.getLogger(name).setLevel(logging.WARNING)

    def make(self, config: KeystoreConfig) -> Vendor:
        """The vendor of ``config.kind``."""
        section = section_of(config.kind)
        settings = getattr(config, section, None)
        if config.kind.startswith("aws"):
            return self._aws(config.kind, settings or AwsConfig())
        if settings is None:
            raise Fatal(Reason.CONFIG, f"keystore.kind is {config.kind}: set it up under keystore.{section}")
        makers: dict[str, Callable[[Any], Vendor]] = {
            "kong": self._kong,
            "unkey": self._unkey,
            "tyk": self._tyk,
            "gravitee": self._gravitee,
            "azure-apim": self._azure,
            "google": self._google,
            "apigee": self._apigee,
            "vault": self._vault,
            "webhook": self._webhook,
        }
        return makers[config.kind](settings)

    # -- one a kind ----------------------------------------------------------------------------------

    def _kong(self, settings: KongConfig) -> Vendor:
        def header(token: Secret) -> Mapping[str, str]:
            if settings.token_header.lower() == "authorization":
                return bearer(token)
            return {settings.token_header: token.reveal()}

        credential: Headers = from_file(Path(settings.token_file), header) if settings.token_file else dict
        api = self._api(Kong, settings.url, settings.http, credential, lambda body: body["name"])
        return Kong(api, settings.group, settings.key_ids)

    def _unkey(self, settings: UnkeyConfig) -> Vendor:
        credential = from_file(Path(settings.token_file))
        api = self._api(Unkey, settings.url, settings.http, credential, lambda body: body["error"]["title"])
        return Unkey(api, self._clock)

    def _tyk(self, settings: TykConfig) -> Vendor:
        secret = read_secret(Path(settings.secret_file))
        credential = lambda: {"x-tyk-authorization": secret.reveal()}  # noqa: E731
        api = self._api(Tyk, settings.url, settings.http, credential, lambda body: body["message"])
        return Tyk(api, self._clock, settings.policy, settings.per_api_policy)

    def _gravitee(self, settings: GraviteeConfig) -> Vendor:
        credential = from_file(Path(settings.token_file))
        api = self._api(Gravitee, settings.url, settings.http, credential, lambda body: body["technicalCode"])
        return Gravitee(api, self._clock, settings.environment, settings.unit)

    def _azure(self, settings: AzureApimConfig) -> Vendor:
        credential = OAuthTokens(self._azure_grant(settings), self._clock)
        api = self._api(
            AzureApim, settings.url, settings.http, credential, lambda body: body["error"]["code"]
        )
        return AzureApim(api, settings.service)

    def _google(self, settings: GoogleConfig) -> Vendor:
        api = self._google_api(GoogleApiKeys, settings)
        return GoogleApiKeys(api, self._patience.sleep, settings.project, settings.mode)

    def _apigee(self, settings: ApigeeConfig) -> Vendor:
        return Apigee(self._google_api(Apigee, settings), self._clock, settings.organization)

    def _vault(self, settings: VaultConfig) -> Vendor:
        def header(token: Secret) -> Mapping[str, str]:
            namespace = {"X-Vault-Namespace": settings.namespace} if settings.namespace else {}
            return {"X-Vault-Token": token.reveal(), "X-Vault-Request": "true", **namespace}

        credential = from_file(Path(settings.token_file), header)
        return Vault(
            self._api(Vault, settings.url, settings.http, credential, lambda body: body["errors"][0])
        )

    def _webhook(self, settings: WebhookConfig) -> Vendor:
        check_url(settings.url, "keystore.webhook.url", allow_http=settings.allow_http)
        signer = Signer([read_secret(Path(path)) for path in settings.secret_files])
        guard = AddressGuard([_network(text) for text in settings.allow_networks])
        transport = PinnedTransport(
            httpx.HTTPTransport(verify=trust(settings.http.ca_file), trust_env=False), guard
        )
        client = httpx.Client(transport=transport, timeout=_timeout(settings.http), trust_env=False)
        place = Place(Webhook.name, Webhook.setting)
        api = Api(place, client, settings.url, self._patience, self._clock)
        capabilities = Capabilities(
            settings.reversible, Granularity(settings.granularity), settings.propagation_s
        )
        return Webhook(
            api,
            signer,
            self._clock,
            lambda: secrets.token_hex(16),
            capabilities,
            describes=settings.describes,
        )

    def _aws(self, kind: str, settings: AwsConfig) -> Vendor:
        try:
            from keystore.adapters import aws
            from keystore.adapters.aws_apigw import AwsApiGateway
            from keystore.adapters.aws_iam import AwsIam
        except ImportError:
            raise Fatal(
                Reason.CONFIG, f"keystore.kind {kind} needs boto3: pip install 'keywatch[aws]'"
            ) from None
        session = aws.session(settings.region)
        if kind == "aws-iam":
            calls = aws.Aws(AwsIam.name, AwsIam.setting, self._patience, self._clock)
            iam = aws.client(session, "iam", settings.endpoint_url)
            return AwsIam(iam, calls, lambda: aws.own_access_key(session))
        calls = aws.Aws(AwsApiGateway.name, AwsApiGateway.setting, self._patience, self._clock)
        return AwsApiGateway(aws.client(session, "apigateway", settings.endpoint_url), calls)

    # -- what they share -----------------------------------------------------------------------------

    def _api(
        self,
        vendor: Any,
        url: str,
        http: HttpConfig,
        credential: Headers,
        tells: Callable[[Any], object] = lambda _: "",
    ) -> Api:
        check_url(url, f"{vendor.setting}.url")
        client = httpx.Client(verify=trust(http.ca_file), timeout=_timeout(http))
        place = Place(vendor.name, vendor.setting)
        return Api(place, client, url, self._patience, self._clock, credential, tells)

    def _login(self, name: str, setting: str, url: str, http: HttpConfig) -> Api:
        check_url(url, f"{setting} (the login or metadata URL)")
        client = httpx.Client(verify=trust(http.ca_file), timeout=_timeout(http))
        return Api(Place(name, setting), client, url, self._patience, self._clock)

    def _azure_grant(self, settings: AzureApimConfig) -> Callable[[], Any]:
        if settings.credential == "managed-identity":
            metadata = self._login(
                "Azure's metadata service", AzureApim.setting, settings.metadata_url, settings.http
            )
            return grants.azure_machine(metadata, ARM_RESOURCE, settings.client_id)
        for field in ("tenant_id", "client_id"):
            if not getattr(settings, field):
                raise Fatal(Reason.CONFIG, f"{AzureApim.setting}.{field}: needed for {settings.credential}")
        if settings.credential == "client-secret":
            proof = grants.client_secret(Path(settings.secret_file))
        else:
            proof = grants.federated_token(Path(settings.token_file))
        login = self._login("Microsoft Entra", AzureApim.setting, settings.login_url, settings.http)
        return grants.azure_client(login, settings.tenant_id, settings.client_id, ARM_SCOPE, proof)

    def _google_api(self, vendor: Any, settings: GoogleConfig | ApigeeConfig) -> Api:
        if settings.credential == "metadata":
            metadata = self._login(
                "Google's metadata server", vendor.setting, settings.metadata_url, settings.http
            )
            grant = grants.google_machine(metadata)
        else:
            login = self._login("Google's login", vendor.setting, settings.login_url, settings.http)
            grant = grants.google_account(login, Path(settings.account_file), GOOGLE_SCOPE, self._clock)
        credential = OAuthTokens(grant, self._clock)
        return self._api(
            vendor, settings.url, settings.http, credential, lambda body: body["error"]["status"]
        )


def _timeout(http: HttpConfig) -> httpx.Timeout:
    return httpx.Timeout(http.timeout_s, connect=http.connect_timeout_s)


@cache
def trust(ca_file: str) -> ssl.SSLContext:
    """Made once: reading all of the world's certificates takes some 20 ms."""
    context = httpx.create_ssl_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise Fatal(Reason.CONFIG, f"ca_file: {ca_file} cannot be used: {error}") from error
    return context


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise Fatal(Reason.CONFIG, f"keystore.webhook.allow_networks: {error}") from error
