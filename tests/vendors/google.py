"""Google's API Keys API v2, and where Google's tokens come from.

As the discovery document apikeys.v2.json (googleapis/google-api-python-client) describes it. A deleted key
is still answered, as https://google.aip.dev/164 asks.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.vendors.server import OBJECT, Call, Reply, Request, VendorServer, closed, secret_file

KEYS: Final = "https://cloud.google.com/api-keys/docs/reference/rest/v2/projects.locations.keys"
BEARER: Final = {"Authorization": r"Bearer \S+"}
KEY: Final = r"/v2/projects/acme/locations/global/keys/(?P<id>[^/:]+)"
TOKEN_CALLS: Final = (
    Call(
        "token of the machine",
        "GET",
        "/computeMetadata/v1/instance/service-accounts/default/token",
        "https://cloud.google.com/compute/docs/access/authenticate-workloads",
        side=True,
        headers={"Metadata-Flavor": "Google"},
    ),
    Call(
        "token of an account",
        "POST",
        "/token",
        "https://developers.google.com/identity/protocols/oauth2/service-account",
        side=True,
        body=closed(
            grant_type={"const": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, assertion={"type": "string"}
        ),
    ),
)
STATUS: Final = {404: "NOT_FOUND", 409: "ABORTED", 400: "FAILED_PRECONDITION", 401: "UNAUTHENTICATED"}
NOW_S: Final = 1_767_225_600


@cache
def account_key() -> rsa.RSAPrivateKey:
    """One for all tests: making it takes a while."""
    return rsa.generate_private_key(65537, 2048)


class GoogleServer(VendorServer):
    """Tokens, for both of Google's APIs. ``credential`` as in the settings."""

    def __init__(self, credential: str) -> None:
        super().__init__()
        self.credential = credential
        self.secrets += ["bearer-s3cret", "key-s3cret"]
        self.known = True

    def token_settings(self, directory: Path) -> dict[str, Any]:
        """Where tokens come from. A stranger's account has an e-mail address that nobody knows."""
        pem = account_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        account = {
            "client_email": f"{self.secrets[0]}@acme.iam",
            "private_key": pem.decode(),
            "private_key_id": "k1",
        }
        path = secret_file(directory, json.dumps(account), "account.json")
        urls = {"login_url": self.url, "metadata_url": self.url}
        return {"credential": self.credential, "account_file": path, **urls}

    def authorised(self, request: Request) -> bool:
        if request.path == "/token":
            key = account_key().public_key()
            claims = jwt.decode(
                request.body["assertion"],
                key,
                ["RS256"],
                audience="https://oauth2.googleapis.com/token",
                options={"verify_exp": False, "verify_iat": False},
            )
            return bool(
                claims["iss"] == "credential-s3cret@acme.iam" and claims["exp"] - claims["iat"] == 3600
            )
        if request.path.startswith("/computeMetadata"):
            return True
        return request.headers["authorization"] == "Bearer bearer-s3cret"

    def denied(self) -> Reply:
        return Reply(400, {"error": "invalid_grant", "error_description": "account not found"})

    def error(self, status: int, what: str) -> Any:
        return {"error": {"code": status, "message": what, "status": STATUS.get(status, "UNKNOWN")}}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.side:
            return Reply(200, {"access_token": "bearer-s3cret", "expires_in": 3599, "token_type": "Bearer"})
        return self.vendor_answer(call, parameters, request)

    def vendor_answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        """Of the API itself."""
        raise NotImplementedError


class GoogleKeysServer(GoogleServer):
    """API keys with restrictions, annotations and an etag. Operations take ``looks`` looks to be done."""

    kind = "google"
    detects_races = True
    calls = (
        Call("get", "GET", KEY, f"{KEYS}/get", headers=BEARER),
        Call(
            "patch",
            "PATCH",
            KEY,
            f"{KEYS}/patch",
            write=True,
            headers=BEARER,
            query=closed(updateMask={"const": "restrictions,annotations"}),
            body=closed(
                restrictions={
                    "type": "object",
                    "properties": {
                        "serverKeyRestrictions": closed(allowedIps={"type": "array", "minItems": 1}),
                        "browserKeyRestrictions": OBJECT,
                        "apiTargets": {"type": "array"},
                    },
                    "additionalProperties": False,
                },
                annotations={"type": "object", "additionalProperties": {"type": "string"}},
                etag={"type": "string"},
            ),
        ),
        Call(
            "delete",
            "DELETE",
            KEY,
            f"{KEYS}/delete",
            write=True,
            headers=BEARER,
            query=closed(etag={"type": "string"}),
        ),
        Call(
            "undelete",
            "POST",
            KEY + ":undelete",
            f"{KEYS}/undelete",
            write=True,
            headers=BEARER,
            body={"const": {}},
        ),
        Call(
            "operation",
            "GET",
            r"/v2/operations/(?P<id>[^/]+)",
            "https://cloud.google.com/api-keys/docs/reference/rest/v2/operations/get",
            headers=BEARER,
            side=True,
        ),
        *TOKEN_CALLS,
    )

    def __init__(self, mode: str = "restrict", credential: str = "service-account", looks: int = 1) -> None:
        super().__init__(credential)
        self.mode = mode
        self.looks = looks
        self.keys: dict[str, dict[str, Any]] = {}
        self.left = 0
        self.failure: dict[str, Any] = {}

    def settings(self, directory: Path) -> dict[str, Any]:
        return {"project": "acme", "mode": self.mode, "url": self.url, **self.token_settings(directory)}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.name == "operation":
            self.left -= 1
            return Reply(200, self._operation())
        return super().answer(call, parameters, request)

    def vendor_answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        key = self.keys.get(parameters["id"])
        if key is None:
            return Reply(404, self.error(404, "not found"))
        if call.name == "get":
            return Reply(200, {name: value for name, value in key.items() if value})
        etag = (request.body or {}).get("etag") or request.query.get("etag")
        if etag not in (None, key["etag"]):
            return Reply(409, self.error(409, "etag mismatch"))
        if (call.name == "undelete") != bool(key["deleteTime"]):
            return Reply(400, self.error(400, "the key is (not) deleted"))
        self._carry_out(call, key, request)
        self.left = self.looks
        return Reply(200, self._operation())

    def _carry_out(self, call: Call, key: dict[str, Any], request: Request) -> None:
        if call.name == "patch":
            key.update(restrictions=request.body["restrictions"], annotations=request.body["annotations"])
        else:
            key["deleteTime"] = "2026-01-01T00:00:00Z" if call.name == "delete" else ""
        key["etag"] += "+"

    def _operation(self) -> dict[str, Any]:
        if self.left > 0:
            return {"name": "operations/op-1", "metadata": {}}
        return {"name": "operations/op-1", "done": True, **(self.failure or {"response": {}})}

    def new_key(self) -> str:
        key_id = f"b7ff1f9f-{self.number():04d}"
        self.keys[key_id] = {
            "displayName": "ops",
            "etag": "W/1",
            "restrictions": {
                "browserKeyRestrictions": {"allowedReferrers": ["https://acme.example/*"]},
                "apiTargets": [{"service": "translate.googleapis.com"}],
            },
            "annotations": {"team": "web"},
            "deleteTime": "",
        }
        return key_id

    def turn(self, key_id: str, *, on: bool) -> None:
        key = self.keys[key_id]
        key["etag"] += "p"
        if self.mode == "delete":
            key["deleteTime"] = "" if on else "2026-01-01T00:00:00Z"
        elif on:
            key["restrictions"] = {}
        else:
            key["restrictions"] = {"serverKeyRestrictions": {"allowedIps": ["192.0.2.1"]}}

    def end(self, key_id: str) -> None:
        del self.keys[key_id]

    def stopped(self, key_id: str) -> bool:
        key = self.keys[key_id]
        return bool(key["deleteTime"]) or "serverKeyRestrictions" in key["restrictions"]

    def record(self, key_id: str) -> Any:
        return copy.deepcopy({name: value for name, value in self.keys[key_id].items() if name != "etag"})
