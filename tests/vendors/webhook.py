"""A receiver of our webhook, as docs/key-stores/webhook.md asks of one; it checks every signature itself."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

SOURCE: Final = "https://www.standardwebhooks.com (spec 1.0.0)"
SECRET: Final = "whsec_" + base64.b64encode(b"s3cret-" * 5).decode()
OLD_SECRET: Final = "whsec_" + base64.b64encode(b"old-s3cret" * 4).decode()
WRONG: Final = "whsec_" + base64.b64encode(b"wrong-s3cret" * 3).decode()
HEADERS: Final = {
    "webhook-id": "msg_[0-9a-f]{32}",
    "webhook-timestamp": "[0-9]+",
    "webhook-signature": "v1,[A-Za-z0-9+/=]+( v1,[A-Za-z0-9+/=]+)*",
    "Idempotency-Key": "msg_[0-9a-f]{32}",
    "Content-Type": "application/json",
}
MOMENT: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
TEXT: Final = {"type": "string"}


def message(verb: str, **data: Any) -> dict[str, Any]:
    """The schema of a message."""
    return closed(type={"const": f"keywatch.key.{verb}"}, timestamp=MOMENT, data=closed(key_id=TEXT, **data))


def call(verb: str, *, write: bool, **data: Any) -> Call:
    """The call that carries it."""
    return Call(
        verb,
        "POST",
        "/hook/",
        SOURCE,
        write=write,
        headers=HEADERS,
        body=message(verb, **data),
        when=lambda request: request.body["type"].endswith(verb),
    )


class WebhookServer(VendorServer):
    """Keys that are on or off. ``describes`` as in the settings."""

    kind = "webhook"
    calls = (
        call("describe", write=False),
        call(
            "suspend", write=True, case_id=TEXT, reason=TEXT, expires_at={"anyOf": [MOMENT, {"type": "null"}]}
        ),
        call("reinstate", write=True, case_id=TEXT),
    )

    def __init__(self, *, describes: bool = True) -> None:
        super().__init__()
        self.describes = describes
        self.detects_races = True
        self.secrets = [SECRET, base64.b64decode(SECRET[6:]).decode()]
        self.keys: dict[str, str] = {}
        self.done: dict[str, Reply] = {}

    def settings(self, directory: Path) -> dict[str, Any]:
        return {
            "url": f"{self.url}/hook/",
            "secret_files": [
                secret_file(directory, self.secrets[0]),
                secret_file(directory, OLD_SECRET, "old"),
            ],
            "describes": self.describes,
            "allow_http": True,
            "allow_networks": ["127.0.0.0/8"],
        }

    def authorised(self, request: Request) -> bool:
        """The receiver's side of the specification, written apart from ours."""
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = ".".join([request.headers["webhook-id"], request.headers["webhook-timestamp"], ""]).encode()
        wanted = base64.b64encode(hmac.new(key, signed + request.raw, hashlib.sha256).digest()).decode()
        return any(
            hmac.compare_digest(signature, f"v1,{wanted}")
            for signature in request.headers["webhook-signature"].split(" ")
        )

    def error(self, status: int, what: str) -> Any:
        return {"error": what}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        """The same message again gets the same answer."""
        message_id = request.headers["webhook-id"]
        if message_id not in self.done:
            self.done[message_id] = self._carried_out(call.name, request.body["data"]["key_id"])
        return self.done[message_id]

    def _carried_out(self, verb: str, key_id: str) -> Reply:
        state = self.keys.get(key_id)
        if state is None:
            return Reply(404, self.error(404, "unknown key"))
        if verb == "describe":
            return Reply(200, {"state": state, "tenant": "acme", "owner": "ops"})
        wanted = "suspended" if verb == "suspend" else "active"
        if state == wanted:
            return Reply(409, self.error(409, f"already {wanted}"))
        self.keys[key_id] = wanted
        return Reply(204)

    def new_key(self) -> str:
        key_id = f"key {self.number()}"
        self.keys[key_id] = "active"
        return key_id

    def turn(self, key_id: str, *, on: bool) -> None:
        self.keys[key_id] = "active" if on else "suspended"

    def end(self, key_id: str) -> None:
        self.keys[key_id] = "revoked"

    def stopped(self, key_id: str) -> bool:
        return self.keys[key_id] != "active"

    def record(self, key_id: str) -> Any:
        return copy.deepcopy(self.keys[key_id])
