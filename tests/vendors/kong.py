"""Kong's Admin API, as kong/plugins/acl and kong/api/endpoints.lua of github.com/Kong/kong 3.x answer."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

TOKEN: Final = {"Kong-Admin-Token": "credential-s3cret|wrong-s3cret"}
CONSUMER: Final = r"/consumers/(?P<consumer>[^/]+)"
GROUP: Final = "keywatch-suspended"
PLUGIN: Final = "https://developer.konghq.com/plugins/acl/ (Admin API)"


class KongServer(VendorServer):
    """Consumers with key-auth credentials and ACL groups. ``key_ids`` as in the settings."""

    kind = "kong"
    detects_races = True
    calls = (
        Call("consumer of a credential", "GET", r"/key-auths/(?P<id>[^/]+)/consumer", PLUGIN, headers=TOKEN),
        Call(
            "consumer", "GET", CONSUMER, "https://developer.konghq.com/api/gateway/admin-ee/", headers=TOKEN
        ),
        Call("group", "GET", CONSUMER + r"/acls/(?P<group>[^/]+)", PLUGIN, headers=TOKEN),
        Call(
            "add group",
            "POST",
            CONSUMER + "/acls",
            PLUGIN,
            write=True,
            headers=TOKEN,
            body=closed(
                group={"type": "string", "minLength": 1},
                tags={"type": "array", "items": {"type": "string", "pattern": "^[^,/]+$"}},
            ),
        ),
        Call(
            "delete group", "DELETE", CONSUMER + r"/acls/(?P<group>[^/]+)", PLUGIN, write=True, headers=TOKEN
        ),
        Call(
            "plugins",
            "GET",
            "/plugins",
            "https://developer.konghq.com/api/gateway/admin-ee/",
            headers=TOKEN,
            query={"type": "object", "properties": {"size": {"const": "1000"}, "offset": {}}},
        ),
    )

    def __init__(self, key_ids: str = "credential") -> None:
        super().__init__()
        self.key_ids = key_ids
        self.credentials: dict[str, str] = {}
        self.consumers: dict[str, dict[str, Any]] = {}
        self.acls: dict[str, dict[str, Any]] = {}
        self.plugins: list[dict[str, Any]] = [acl_plugin(deny=[GROUP])]

    def settings(self, directory: Path) -> dict[str, Any]:
        return {
            "url": self.url,
            "token_file": secret_file(directory, self.secrets[0]),
            "key_ids": self.key_ids,
        }

    def authorised(self, request: Request) -> bool:
        return request.headers.get("kong-admin-token") == "credential-s3cret"

    def error(self, status: int, what: str) -> Any:
        return {"message": what}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.name == "plugins":
            return self._page(request)
        if call.name == "consumer of a credential":
            consumer = self.consumers.get(self.credentials.get(parameters["id"], ""))
        else:
            consumer = self.consumers.get(parameters["consumer"])
        if consumer is None:
            return Reply(404, {"message": "Not found"})
        return consumer_answer(self, call, consumer, parameters, request)

    def _page(self, request: Request) -> Reply:
        start = int(request.query.get("offset", 0))
        following = f"/plugins?size=1000&offset={start + 1}" if start + 1 < len(self.plugins) else None
        return Reply(200, {"data": self.plugins[start : start + 1], "next": following})

    # -- people --------------------------------------------------------------------------------------

    def new_key(self) -> str:
        consumer_id, credential_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.consumers[consumer_id] = {
            "id": consumer_id,
            "username": "ops",
            "custom_id": "acme",
            "tags": None,
        }
        self.credentials[credential_id] = consumer_id
        return credential_id if self.key_ids == "credential" else consumer_id

    def turn(self, key_id: str, *, on: bool) -> None:
        consumer = self.consumer_of(key_id)
        if on:
            self.acls = {i: acl for i, acl in self.acls.items() if acl["consumer"]["id"] != consumer}
        else:
            self.add_acl(consumer, GROUP, ["by hand"])

    def end(self, key_id: str) -> None:
        consumer = self.consumer_of(key_id)
        self.turn(key_id, on=True)
        del self.consumers[consumer]

    def stopped(self, key_id: str) -> bool:
        return any(acl["consumer"]["id"] == self.consumer_of(key_id) for acl in self.acls.values())

    def record(self, key_id: str) -> Any:
        consumer = self.consumer_of(key_id)
        groups = [acl["group"] for acl in self.acls.values() if acl["consumer"]["id"] == consumer]
        return copy.deepcopy((self.consumers[consumer], sorted(groups)))

    def consumer_of(self, key_id: str) -> str:
        return self.credentials.get(key_id, key_id)

    def add_acl(self, consumer: str, group: str, tags: list[str] | None) -> dict[str, Any]:
        acl_id = str(uuid.uuid4())
        acl = {"id": acl_id, "group": group, "tags": tags, "consumer": {"id": consumer}, "created_at": 1}
        self.acls[acl_id] = acl
        return acl


def consumer_answer(
    kong: KongServer, call: Call, consumer: Mapping[str, Any], parameters: Mapping[str, str], request: Request
) -> Reply:
    """Below ``/consumers/:consumer``."""
    mine = [acl for acl in kong.acls.values() if acl["consumer"]["id"] == consumer["id"]]
    if call.name == "add group":
        if any(acl["group"] == request.body["group"] for acl in mine):
            return Reply(
                409, {"name": "unique constraint violation", "code": 5, "message": "UNIQUE violation"}
            )
        return Reply(201, kong.add_acl(consumer["id"], request.body["group"], request.body["tags"]))
    found = [acl for acl in mine if parameters.get("group") in (acl["id"], acl["group"])]
    if call.name == "delete group":
        for acl in found:
            del kong.acls[acl["id"]]
        return Reply(204)
    if call.name == "group":
        return Reply(200, found[0]) if found else Reply(404, {"message": "Not found"})
    return Reply(200, consumer)


def acl_plugin(**config: list[str]) -> dict[str, Any]:
    """An ACL plugin with ``allow`` or ``deny``."""
    return {"name": "acl", "enabled": True, "config": {"allow": None, "deny": None, **config}}
