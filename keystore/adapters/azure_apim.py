"""Azure API Management: a subscription's ``state``, changed only if it is still as it was read.

The key id is the subscription's id (``sid``; ``ApimSubscriptionId`` in the gateway log). Reading it does not
answer the keys. ``If-Match`` is required, and 412 says that somebody changed it meanwhile.

https://learn.microsoft.com/rest/api/apimanagement/subscription/update
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api, segment
from keystore.adapters.vendor import Found, Order, Overtaken

API_VERSION: Final = "2022-08-01"
PROPAGATION_S: Final = 60.0
"""Not documented; a cautious guess, for the management plane hands changes to gateways on its own time."""
_STATES: Final = {
    "active": KeyState.ACTIVE,
    "suspended": KeyState.SUSPENDED,
    "submitted": KeyState.SUSPENDED,
    "rejected": KeyState.REVOKED,
    "cancelled": KeyState.REVOKED,
    "expired": KeyState.EXPIRED,
}


class _Properties(msgspec.Struct, rename="camel"):
    state: str
    owner_id: str = ""
    scope: str = ""


class _Subscription(msgspec.Struct):
    properties: _Properties


class AzureApim:
    """``service`` is its resource id: ``/subscriptions/.../Microsoft.ApiManagement/service/NAME``."""

    name = "Azure API Management"
    setting = "keystore.azure_apim"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, api: Api, service: str) -> None:
        self._api = api
        self._service = service.strip("/")

    def read(self, key_id: str) -> Found:
        answer = self._api.read(self._path(key_id), params={"api-version": API_VERSION})
        properties = answer.into(_Subscription).properties
        return Found(
            key_id,
            _STATES.get(properties.state, KeyState.SUSPENDED),
            tenant=properties.scope.rpartition("/service/")[2].partition("/")[2],
            owner=properties.owner_id.rpartition("/")[2],
            raw=answer.headers.get("etag", ""),
        )

    def stop(self, order: Order) -> None:
        self._set(order.found, "suspended")

    def start(self, order: Order) -> None:
        self._set(order.found, "active")

    def warnings(self) -> Sequence[str]:
        return []

    def _set(self, found: Found, state: str) -> None:
        answer = self._api.write(
            "PATCH",
            self._path(found.key_id),
            params={"api-version": API_VERSION, "notify": "false"},
            headers={"If-Match": found.raw},
            json={"properties": {"state": state}},
            expect=(409, 412),
        )
        if answer.status in (409, 412):
            raise Overtaken("the subscription was changed since it was read")

    def _path(self, key_id: str) -> str:
        return f"/{self._service}/subscriptions/{segment(key_id)}"
