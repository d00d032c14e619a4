"""Unkey's API v2, as svc/api/openapi/openapi-generated.yaml of github.com/unkeyed/unkey describes it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

SOURCE: Final = "https://www.unkey.com/docs/api-reference/v2/keys"
BEARER: Final = {"Authorization": r"Bearer \S+", "Content-Type": "application/json"}
KEY_ID: Final = {"type": "string", "minLength": 3, "maxLength": 255, "pattern": "^[a-zA-Z0-9_]+$"}
TITLES: Final = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}


class UnkeyServer(VendorServer):
    """Keys with a switch, an end and all else that an update must leave alone."""

    kind = "unkey"
    calls = (
        Call("get", "POST", "/v2/keys.getKey", SOURCE, headers=BEARER, body=closed(keyId=KEY_ID)),
        Call(
            "update",
            "POST",
            "/v2/keys.updateKey",
            SOURCE,
            write=True,
            headers=BEARER,
            body=closed(keyId=KEY_ID, enabled={"type": "boolean"}),
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, dict[str, Any]] = {}

    def settings(self, directory: Path) -> dict[str, Any]:
        return {"url": self.url, "token_file": secret_file(directory, self.secrets[0])}

    def authorised(self, request: Request) -> bool:
        return request.headers["authorization"] == "Bearer credential-s3cret"

    def error(self, status: int, what: str) -> Any:
        title = TITLES.get(status, "Internal Server Error")
        kind = f"https://unkey.com/docs/errors/unkey/{status}"
        return {
            "meta": {"requestId": "req_1"},
            "error": {"title": title, "detail": what, "status": status, "type": kind},
        }

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        key = self.keys.get(request.body["keyId"])
        if key is None:
            return Reply(404, self.error(404, "The requested key does not exist."))
        if call.name == "update":
            key["enabled"] = request.body["enabled"]
        return Reply(200, {"meta": {"requestId": "req_1"}, "data": key if call.name == "get" else {}})

    def new_key(self) -> str:
        key_id = f"key_{self.number():016}"
        self.keys[key_id] = {
            "keyId": key_id,
            "start": "sk_test_abc",
            "createdAt": 1,
            "enabled": True,
            "roles": ["reader"],
            "meta": {"plan": "pro"},
            "expires": 4_000_000_000_000,
            "identity": {"id": "id_1", "externalId": "acme"},
        }
        return key_id

    def turn(self, key_id: str, *, on: bool) -> None:
        self.keys[key_id]["enabled"] = on

    def end(self, key_id: str) -> None:
        del self.keys[key_id]

    def stopped(self, key_id: str) -> bool:
        return not self.keys[key_id]["enabled"]

    def record(self, key_id: str) -> Any:
        return copy.deepcopy(self.keys[key_id])
