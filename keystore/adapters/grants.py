"""How Azure and Google are asked for a token; :class:`keystore.adapters.tokens.OAuthTokens` keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from domain.clock import Clock
from domain.errors import Fatal, Reason
from keystore.adapters.http import Answer, Api
from keystore.adapters.tokens import read_secret

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HOUR_S: Final = 3600

# -- Azure -------------------------------------------------------------------------------------------


def azure_client(
    login: Api, tenant: str, client_id: str, scope: str, proof: Callable[[], dict[str, str]]
) -> Callable[[], Answer]:
    """https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""

    def fetch() -> Answer:
        form = {"grant_type": "client_credentials", "client_id": client_id, "scope": scope, **proof()}
        return _granted(login, f"/{tenant}/oauth2/v2.0/token", form)

    return fetch


def client_secret(path: Path) -> Callable[[], dict[str, str]]:
    """Proof by a client secret in a file."""
    return lambda: {"client_secret": read_secret(path).reveal()}


def federated_token(path: Path) -> Callable[[], dict[str, str]]:
    """Proof by a token that the cluster writes (workload identity)."""
    return lambda: {
        "client_assertion_type": CLIENT_ASSERTION,
        "client_assertion": read_secret(path).reveal(),
    }


def azure_machine(metadata: Api, resource: str, client_id: str) -> Callable[[], Answer]:
    """Managed identity of the machine:
    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token.
    """
    params = {"api-version": "2018-02-01", "resource": resource}
    if client_id:
        params["client_id"] = client_id
    return lambda: metadata.read(
        "/metadata/identity/oauth2/token", params=params, headers={"Metadata": "true"}
    )


# -- Google ------------------------------------------------------------------------------------------


class _ServiceAccount(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105


def google_account(login: Api, path: Path, scope: str, clock: Clock) -> Callable[[], Answer]:
    """https://developers.google.com/identity/protocols/oauth2/service-account#httprest."""

    def fetch() -> Answer:
        account = _service_account(path)
        now_s = int(clock.now())
        claims = {
            "iss": account.client_email,
            "scope": scope,
            "aud": account.token_uri,
            "iat": now_s,
            "exp": now_s + HOUR_S,
        }
        assertion = _signed(claims, account)
        return _granted(login, "/token", {"grant_type": JWT_BEARER, "assertion": assertion})

    return fetch


def google_machine(metadata: Api) -> Callable[[], Answer]:
    """The service account of the machine or, on GKE, of the pod:
    https://cloud.google.com/compute/docs/access/authenticate-workloads.
    """
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    return lambda: metadata.read(path, headers={"Metadata-Flavor": "Google"})


def _service_account(path: Path) -> _ServiceAccount:
    try:
        return msgspec.json.decode(read_secret(path).reveal(), type=_ServiceAccount)
    except msgspec.DecodeError as error:
        raise Fatal(Reason.CREDENTIALS, f"{path} is no service account key of Google: {error}") from None


def _signed(claims: Mapping[str, object], account: _ServiceAccount) -> str:
    try:
        import jwt
    except ImportError:
        raise Fatal(
            Reason.CONFIG, "a service account file needs the extra `google`: pip install 'keywatch[google]'"
        ) from None
    try:
        return jwt.encode(dict(claims), account.private_key, "RS256", {"kid": account.private_key_id})
    except (ValueError, jwt.PyJWTError):
        raise Fatal(Reason.CREDENTIALS, "the service account's private key is not usable") from None


def _granted(login: Api, path: str, form: Mapping[str, str]) -> Answer:
    answer = login.query(path, data=form, expect=(400,))
    if answer.status == 400:
        code = answer.body.get("error", "") if isinstance(answer.body, dict) else ""
        raise Fatal(
            Reason.CREDENTIALS, f"{login.place.name} gave no token ({code}): check {login.place.setting}"
        )
    return answer
