"""HashiCorp Vault: revoke a token by its accessor. There is no way back, so only a person may do it.

Two of Vault's answers say something else than they seem to: revoking an accessor that does not exist is
200 with a warning, and looking one up whose token is gone may be 403 "bad token", like a wrong credential.

https://developer.hashicorp.com/vault/api-docs/auth/token#revoke-a-token-accessor
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from domain.errors import Fatal, Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api
from keystore.adapters.vendor import Found, Order

_GONE: Final = ("invalid accessor", "bad token")


class _Token(msgspec.Struct):
    accessor: str = ""
    display_name: str = ""
    entity_id: str = ""
    meta: Mapping[str, str] | None = None


class _Answer(msgspec.Struct):
    data: _Token


class _Errors(msgspec.Struct):
    errors: list[str] = []


class Vault:
    """Key ids are token accessors."""

    name = "Vault"
    setting = "keystore.vault"
    capabilities = Capabilities(False, Granularity.KEY, 0.0, revokes=True)

    def __init__(self, api: Api) -> None:
        self._api = api

    def read(self, key_id: str) -> Found:
        answer = self._api.query(
            "/v1/auth/token/lookup-accessor", json={"accessor": key_id}, expect=(400, 403, 404)
        )
        if answer.status >= 400:
            said = " ".join(answer.into(_Errors).errors)
            if answer.status != 403 or any(words in said for words in _GONE):
                raise Refused(Reason.NOT_FOUND, "Vault has no token with this accessor: it may have expired")
            raise Fatal(
                Reason.CREDENTIALS,
                "Vault refused our token (403): check keystore.vault.token_file and its policy",
            )
        token = answer.into(_Answer).data
        return Found(key_id, KeyState.ACTIVE, tenant=token.entity_id, owner=token.display_name)

    def stop(self, order: Order) -> None:
        if self._api.read("/v1/auth/token/lookup-self").into(_Answer).data.accessor == order.found.key_id:
            raise Refused(Reason.PROTECTED_KEY, "this accessor is of the token that keywatch itself uses")
        self._api.write("POST", "/v1/auth/token/revoke-accessor", json={"accessor": order.found.key_id})

    def start(self, order: Order) -> None:
        raise Refused(
            Reason.IRREVERSIBLE, f"Vault cannot bring back {order.found.key_id!r}: issue a new token"
        )

    def warnings(self) -> Sequence[str]:
        return ["Vault cannot undo a revocation: keywatch never revokes a token without a person"]
