"""Gravitee's Management API v2, as openapi-apis.yaml of gravitee-io/gravitee-api-management describes it.

The refusals are those of SubscriptionServiceImpl and ApiKeyServiceImpl in the same repository.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

SOURCE: Final = "https://documentation.gravitee.io/apim/reference/management-api-reference"
BEARER: Final = {"Authorization": r"Bearer \S+"}
SUBSCRIPTION: Final = r"/management/v2/environments/DEFAULT/apis/(?P<api>[^/]+)/subscriptions/(?P<id>[^/]+)"
API_KEY: Final = SUBSCRIPTION + r"/api-keys/(?P<key>[^/]+)"


class GraviteeServer(VendorServer):
    """Subscriptions with one API key each. ``unit`` as in the settings."""

    kind = "gravitee"
    calls = (
        Call("get", "GET", SUBSCRIPTION, SOURCE, headers=BEARER),
        Call("pause", "POST", SUBSCRIPTION + "/_pause", SOURCE, write=True, headers=BEARER),
        Call("resume", "POST", SUBSCRIPTION + "/_resume", SOURCE, write=True, headers=BEARER),
        Call(
            "keys",
            "GET",
            SUBSCRIPTION + "/api-keys",
            SOURCE,
            headers=BEARER,
            query=closed(perPage={"type": "string", "pattern": "^[0-9]+$"}),
        ),
        Call("revoke", "POST", API_KEY + "/_revoke", SOURCE, write=True, headers=BEARER),
        Call("reactivate", "POST", API_KEY + "/_reactivate", SOURCE, write=True, headers=BEARER),
    )

    def __init__(self, unit: str = "subscription") -> None:
        super().__init__()
        self.unit = unit
        self.secrets.append("api-key-s3cret")
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, Any]] = {}

    @property
    def detects_races(self) -> bool:  # type: ignore[override]
        return self.unit == "subscription"

    def settings(self, directory: Path) -> dict[str, Any]:
        url = f"{self.url}/management/v2"
        return {"url": url, "token_file": secret_file(directory, self.secrets[0]), "unit": self.unit}

    def authorised(self, request: Request) -> bool:
        return request.headers["authorization"] == "Bearer credential-s3cret"

    def error(self, status: int, what: str) -> Any:
        return {"httpStatus": status, "message": what, "technicalCode": what, "parameters": {}}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        subscription = self.subscriptions.get(f"{parameters['api']}/{parameters['id']}")
        if subscription is None:
            return Reply(404, self.error(404, "subscription.notFound"))
        if call.name in ("pause", "resume"):
            return self._switch(subscription, call.name)
        if call.name == "get":
            return Reply(200, subscription)
        key = self.keys[subscription["id"]]
        if call.name == "keys":
            return Reply(200, {"data": [key], "pagination": {}, "links": {}})
        if key["id"] != parameters["key"]:
            return Reply(404, self.error(404, "apiKey.notFound"))
        if call.name == "reactivate":
            if not key["revoked"]:
                return Reply(400, self.error(400, "apiKey.activated"))
            key.update(revoked=False, expireAt=subscription.get("endingAt"))
        else:
            key["revoked"] = True
        return Reply(200, key)

    def _switch(self, subscription: dict[str, Any], verb: str) -> Reply:
        if verb == "pause" and subscription["status"] != "ACCEPTED":
            return Reply(400, self.error(400, "subscription.notPausable"))
        if verb == "resume" and subscription["status"] != "PAUSED":
            return Reply(400, self.error(400, "subscription.notPaused"))
        subscription["status"] = "PAUSED" if verb == "pause" else "ACCEPTED"
        return Reply(200, subscription)

    def new_key(self) -> str:
        number = self.number()
        self.subscriptions[f"api-{number}/sub-{number}"] = {
            "id": f"sub-{number}",
            "status": "ACCEPTED",
            "application": {"id": "app", "name": "ops"},
            "endingAt": "2099-05-25T12:40:46.184Z",
        }
        self.keys[f"sub-{number}"] = {
            "id": f"key-{number}",
            "key": "api-key-s3cret",
            "revoked": False,
            "paused": False,
            "expired": False,
            "expireAt": "2099-05-25T12:40:46.184Z",
        }
        return f"api-{number}/sub-{number}" + (f"/key-{number}" if self.unit == "api-key" else "")

    def turn(self, key_id: str, *, on: bool) -> None:
        if self.unit == "api-key":
            self._key(key_id)["revoked"] = not on
        else:
            self.subscriptions[key_id]["status"] = "ACCEPTED" if on else "PAUSED"

    def end(self, key_id: str) -> None:
        self._subscription(key_id)["status"] = "CLOSED"

    def stopped(self, key_id: str) -> bool:
        paused = self._subscription(key_id)["status"] == "PAUSED"
        return paused or (self.unit == "api-key" and bool(self._key(key_id)["revoked"]))

    def record(self, key_id: str) -> Any:
        return copy.deepcopy((self._subscription(key_id), self._key(key_id)))

    def _subscription(self, key_id: str) -> dict[str, Any]:
        return self.subscriptions["/".join(key_id.split("/")[:2])]

    def _key(self, key_id: str) -> dict[str, Any]:
        return self.keys[key_id.split("/")[1]]
