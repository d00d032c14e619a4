"""Vault's token auth method: https://developer.hashicorp.com/vault/api-docs/auth/token.

The answers to accessors without a token are those of vault/token_store.go (github.com/hashicorp/vault).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

SOURCE: Final = "https://developer.hashicorp.com/vault/api-docs/auth/token"
TOKEN: Final = {"X-Vault-Token": r"\S+"}
ACCESSOR: Final = closed(accessor={"type": "string", "minLength": 1})


class VaultServer(VendorServer):
    """Tokens by accessor. ``dangling`` accessors have lost their token."""

    kind = "vault"
    calls = (
        Call("lookup", "POST", "/v1/auth/token/lookup-accessor", SOURCE, headers=TOKEN, body=ACCESSOR),
        Call("self", "GET", "/v1/auth/token/lookup-self", SOURCE, headers=TOKEN),
        Call(
            "revoke",
            "POST",
            "/v1/auth/token/revoke-accessor",
            SOURCE,
            write=True,
            headers=TOKEN,
            body=ACCESSOR,
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, dict[str, Any]] = {}
        self.dangling: set[str] = set()

    def settings(self, directory: Path) -> dict[str, Any]:
        return {"url": self.url, "token_file": secret_file(directory, self.secrets[0])}

    def authorised(self, request: Request) -> bool:
        return request.headers["x-vault-token"] == "credential-s3cret"

    def denied(self) -> Reply:
        return Reply(403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]})

    def error(self, status: int, what: str) -> Any:
        return {"errors": [what]}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.name == "self":
            return Reply(200, {"data": {"accessor": "our-own-accessor", "display_name": "keywatch"}})
        accessor = request.body["accessor"]
        token = self.tokens.get(accessor)
        if call.name == "revoke":
            if token is None:
                return Reply(200, {"warnings": ["No token found with this accessor"], "data": None})
            del self.tokens[accessor]
            return Reply(204)
        if accessor in self.dangling:
            return Reply(403, self.error(403, "1 error occurred:\n\t* bad token\n\n"))
        return Reply(200, {"data": token}) if token else Reply(400, self.error(400, "invalid accessor"))

    def new_key(self) -> str:
        accessor = f"8609694a-cdbc-{self.number():04d}"
        self.tokens[accessor] = {
            "accessor": accessor,
            "id": "",
            "display_name": "token-ops",
            "entity_id": "acme",
            "meta": None,
            "policies": ["default"],
        }
        return accessor

    def turn(self, key_id: str, *, on: bool) -> None:
        raise NotImplementedError("nobody can turn a Vault token off and on")

    def end(self, key_id: str) -> None:
        del self.tokens[key_id]

    def stopped(self, key_id: str) -> bool:
        return key_id not in self.tokens

    def record(self, key_id: str) -> Any:
        return copy.deepcopy(self.tokens.get(key_id))
