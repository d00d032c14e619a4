"""Apigee's API v1, as the discovery document apigee.v1.json (googleapis/google-api-python-client) has it."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.google import BEARER, TOKEN_CALLS, GoogleServer
from tests.vendors.server import Call, Reply, Request, closed

APIGEE: Final = "https://cloud.google.com/apigee/docs/reference/apis/apigee/rest/v1"


class ApigeeServer(GoogleServer):
    """Developers' apps with two consumer keys each."""

    kind = "apigee"
    calls = (
        Call(
            "app",
            "GET",
            r"/v1/organizations/acme/developers/(?P<developer>[^/]+)/apps/(?P<app>[^/]+)",
            f"{APIGEE}/organizations.developers.apps/get",
            headers=BEARER,
        ),
        Call(
            "act",
            "POST",
            r"/v1/organizations/acme/developers/(?P<developer>[^/]+)/apps/(?P<app>[^/]+)/keys/(?P<key>[^/]+)",
            f"{APIGEE}/organizations.developers.apps.keys/updateDeveloperAppKey",
            write=True,
            headers={**BEARER, "Content-Type": "application/octet-stream"},
            query=closed(action={"enum": ["approve", "revoke"]}),
        ),
        *TOKEN_CALLS,
    )

    def __init__(self, credential: str = "metadata") -> None:
        super().__init__(credential)
        self.apps: dict[str, dict[str, Any]] = {}

    def settings(self, directory: Path) -> dict[str, Any]:
        return {"organization": "acme", "url": f"{self.url}/v1", **self.token_settings(directory)}

    def vendor_answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        app = self.apps.get(f"{parameters['developer']}/{parameters['app']}")
        if app is None:
            return Reply(404, self.error(404, "developer.service.AppDoesNotExist"))
        if call.name == "app":
            return Reply(200, app)
        for credential in app["credentials"]:
            if credential["consumerKey"] == parameters["key"]:
                credential["status"] = "revoked" if request.query["action"] == "revoke" else "approved"
                return Reply(204)
        return Reply(404, self.error(404, f"ApiKey {parameters['key']} not found"))

    def new_key(self) -> str:
        number = self.number()
        value = f"key-s3cret-{number}"
        others = {"consumerKey": "another", "consumerSecret": "x", "status": "approved", "expiresAt": "-1"}
        own = {**others, "consumerKey": value, "expiresAt": "4000000000000"}
        name = f"dev{number}@acme.example/app {number}"
        self.apps[name] = {"appId": "1", "name": "app", "status": "approved", "credentials": [others, own]}
        return f"{name}/{hashlib.sha256(value.encode()).hexdigest()[:16]}"

    def turn(self, key_id: str, *, on: bool) -> None:
        self._credential(key_id)["status"] = "approved" if on else "revoked"

    def end(self, key_id: str) -> None:
        del self.apps[key_id.rpartition("/")[0]]["credentials"][1]

    def stopped(self, key_id: str) -> bool:
        return bool(self._credential(key_id)["status"] != "approved")

    def record(self, key_id: str) -> Any:
        return copy.deepcopy(self.apps[key_id.rpartition("/")[0]])

    def _credential(self, key_id: str) -> dict[str, Any]:
        credential: dict[str, Any] = self.apps[key_id.rpartition("/")[0]]["credentials"][1]
        return credential
