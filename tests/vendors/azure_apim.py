"""Azure Resource Manager for API Management, as Azure/azure-rest-api-specs describes it.

specification/apimanagement/.../2022-08-01/apimsubscriptions.json (Subscription_Get, Subscription_Update).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

SOURCE: Final = "https://learn.microsoft.com/rest/api/apimanagement/subscription"
LOGIN: Final = "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow"
SERVICE: Final = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers"
    "/Microsoft.ApiManagement/service/gw"
)
BEARER: Final = {"Authorization": r"Bearer \S+"}
VERSION: Final = {"const": "2022-08-01"}
FORM: Final = {"grant_type": {"const": "client_credentials"}, "client_id": {"const": "app"}, "scope": {}}


class AzureApimServer(VendorServer):
    """Subscriptions with an ETag, and the token endpoint. ``credential`` as in the settings."""

    kind = "azure-apim"
    detects_races = True
    calls = (
        Call(
            "get",
            "GET",
            SERVICE + r"/subscriptions/(?P<sid>[^/]+)",
            SOURCE,
            headers=BEARER,
            query=closed(**{"api-version": VERSION}),
        ),
        Call(
            "update",
            "PATCH",
            SERVICE + r"/subscriptions/(?P<sid>[^/]+)",
            SOURCE,
            write=True,
            headers={**BEARER, "If-Match": r'"[^"]+"', "Content-Type": "application/json"},
            query=closed(**{"api-version": VERSION, "notify": {"const": "false"}}),
            body=closed(properties=closed(state={"enum": ["active", "suspended"]})),
        ),
        Call(
            "token by secret",
            "POST",
            "/tenant/oauth2/v2.0/token",
            LOGIN,
            side=True,
            when=lambda request: "client_secret" in request.body,
            body=closed(client_secret={}, **FORM),
        ),
        Call(
            "token by assertion",
            "POST",
            "/tenant/oauth2/v2.0/token",
            LOGIN,
            side=True,
            body=closed(
                client_assertion={},
                client_assertion_type={"const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                **FORM,
            ),
        ),
        Call(
            "token of the machine",
            "GET",
            "/metadata/identity/oauth2/token",
            "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token",
            side=True,
            headers={"Metadata": "true"},
            query=closed(**{"api-version": {"const": "2018-02-01"}, "resource": {"format": "uri"}}),
        ),
    )

    def __init__(self, credential: str = "client-secret") -> None:
        super().__init__()
        self.credential = credential
        self.secrets.append("bearer-s3cret")
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, int] = {}

    def settings(self, directory: Path) -> dict[str, Any]:
        path = secret_file(directory, self.secrets[0])
        field = "token_file" if self.credential == "workload-identity" else "secret_file"
        who = {} if self.credential == "managed-identity" else {"tenant_id": "tenant", "client_id": "app"}
        urls = {"url": self.url, "login_url": self.url, "metadata_url": self.url}
        return {"service": SERVICE, "credential": self.credential, field: path, **who, **urls}

    def authorised(self, request: Request) -> bool:
        if request.path.startswith("/metadata"):
            return True
        if request.path.startswith("/tenant"):
            return "credential-s3cret" in request.body.values()
        return request.headers["authorization"] == "Bearer bearer-s3cret"

    def error(self, status: int, what: str) -> Any:
        return {"error": {"code": what, "message": what, "details": None}}

    def denied(self) -> Reply:
        return Reply(401, {"error": "invalid_client", "error_description": "AADSTS7000215"})

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.side:
            return Reply(200, {"access_token": "bearer-s3cret", "expires_in": 3599, "token_type": "Bearer"})
        sid = parameters["sid"]
        if sid not in self.subscriptions:
            return Reply(404, self.error(404, "ResourceNotFound"))
        if call.name == "update":
            if request.headers["if-match"] != self._etag(sid):
                return Reply(412, self.error(412, "PreconditionFailed"))
            self._set(sid, request.body["properties"]["state"])
        subscription = {"id": f"{SERVICE}/subscriptions/{sid}", "name": sid, "type": "", **self.record(sid)}
        return Reply(200, subscription, {"ETag": self._etag(sid)})

    def _set(self, sid: str, state: str) -> None:
        self.subscriptions[sid]["state"] = state
        self.versions[sid] += 1

    def _etag(self, sid: str) -> str:
        return f'"{self.versions[sid]:016d}"'

    def new_key(self) -> str:
        sid = f"sub-{self.number()}"
        scope = f"{SERVICE}/products/gold"
        self.subscriptions[sid] = {"state": "active", "scope": scope, "ownerId": f"{SERVICE}/users/ops"}
        self.versions[sid] = 1
        return sid

    def turn(self, key_id: str, *, on: bool) -> None:
        self._set(key_id, "active" if on else "suspended")

    def end(self, key_id: str) -> None:
        self._set(key_id, "cancelled")

    def stopped(self, key_id: str) -> bool:
        return bool(self.subscriptions[key_id]["state"] != "active")

    def record(self, key_id: str) -> Any:
        return {"properties": copy.deepcopy(self.subscriptions[key_id])}
