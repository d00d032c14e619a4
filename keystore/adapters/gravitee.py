"""Gravitee API Management (Management API v2): pause a subscription, or revoke and reactivate an API key.

A key id is ``api/subscription``, or ``api/subscription/api-key`` with ``unit: api-key``; the API key's id
is its UUID, never its value. Pausing stops every key of the subscription that is not shared.

https://documentation.gravitee.io/apim/reference/management-api-reference
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from domain.clock import Clock
from domain.errors import Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api, segment
from keystore.adapters.vendor import Found, Order, Overtaken

PROPAGATION_S: Final = 5.0
"""Gateways fetch changes every ``services.sync.delay``, 5 s unless set otherwise (gravitee.yml)."""
_STATES: Final = {
    "ACCEPTED": KeyState.ACTIVE,
    "RESUMED": KeyState.ACTIVE,
    "PAUSED": KeyState.SUSPENDED,
    "PENDING": KeyState.SUSPENDED,
    "REJECTED": KeyState.REVOKED,
    "CLOSED": KeyState.REVOKED,
}
_NOT_AS_READ: Final = ("subscription.notPausable", "subscription.notPaused", "apiKey.activated")


class _Application(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Subscription(msgspec.Struct, rename="camel"):
    status: str
    application: _Application = msgspec.field(default_factory=_Application)
    ending_at: datetime | None = None


class _ApiKey(msgspec.Struct, rename="camel"):
    id: str
    revoked: bool = False
    paused: bool = False
    expired: bool = False
    expire_at: datetime | None = None


class _ApiKeys(msgspec.Struct):
    data: list[_ApiKey] = []


class _Error(msgspec.Struct, rename="camel"):
    technical_code: str = ""


class Gravitee:
    """``environment`` as in the console's URL; the token's user needs ``API_SUBSCRIPTION`` READ, UPDATE."""

    name = "Gravitee"
    setting = "keystore.gravitee"

    def __init__(
        self, api: Api, clock: Clock, environment: str, unit: Literal["subscription", "api-key"]
    ) -> None:
        self._api = api
        self._clock = clock
        self._base = f"/environments/{segment(environment)}/apis"
        self._unit = unit
        granularity = Granularity.KEY if unit == "api-key" else Granularity.CONSUMER
        self.capabilities = Capabilities(True, granularity, PROPAGATION_S)

    def read(self, key_id: str) -> Found:
        path = self._path(key_id)
        subscription = self._api.read(path).into(_Subscription)
        state = _STATES.get(subscription.status, KeyState.SUSPENDED)
        if subscription.ending_at is not None and subscription.ending_at.timestamp() <= self._clock.now():
            state = KeyState.EXPIRED
        raw = None
        if self._unit == "api-key":
            raw = self._api_key(path, key_id)
            state = _of_key(raw) if state is KeyState.ACTIVE else state
        application = subscription.application
        return Found(key_id, state, tenant=application.id, owner=application.name, raw=(raw, subscription))

    def stop(self, order: Order) -> None:
        key, subscription = order.found.raw
        if key is not None and key.expire_at not in (None, subscription.ending_at):
            raise Refused(
                Reason.IRREVERSIBLE,
                f"API key {key.id} has an end of its own, which Gravitee would lose in reactivating it: "
                "set unit: subscription, or decide in Gravitee",
            )
        self._act(order.found.key_id, "_revoke" if key is not None else "_pause")

    def start(self, order: Order) -> None:
        self._act(order.found.key_id, "_reactivate" if order.found.raw[0] is not None else "_resume")

    def warnings(self) -> Sequence[str]:
        return []

    def _act(self, key_id: str, verb: str) -> None:
        path = self._path(key_id)
        if self._unit == "api-key":
            path += f"/api-keys/{segment(key_id.split('/')[2])}"
        answer = self._api.write("POST", f"{path}/{verb}", expect=(400,))
        if answer.status == 400:
            code = answer.into(_Error).technical_code
            if code in _NOT_AS_READ:
                raise Overtaken(code)
            raise Refused(Reason.DENIED, f"Gravitee refused {verb} ({code or 400})")

    def _api_key(self, path: str, key_id: str) -> _ApiKey:
        """Its page also holds the key's value, which is dropped here unread."""
        wanted = key_id.split("/")[2]
        page = self._api.read(f"{path}/api-keys", params={"perPage": "100"}).into(_ApiKeys)
        for key in page.data:
            if key.id == wanted:
                return key
        raise Refused(Reason.NOT_FOUND, f"the subscription has no API key {wanted!r}")

    def _path(self, key_id: str) -> str:
        parts = key_id.split("/")
        if len(parts) != (3 if self._unit == "api-key" else 2):
            shape = "api/subscription" + ("/api-key" if self._unit == "api-key" else "")
            raise Refused(Reason.NOT_FOUND, f"{key_id!r} is no key id for Gravitee, which is {shape}")
        return f"{self._base}/{segment(parts[0])}/subscriptions/{segment(parts[1])}"


def _of_key(key: _ApiKey) -> KeyState:
    if key.revoked or key.paused:
        return KeyState.SUSPENDED
    return KeyState.EXPIRED if key.expired else KeyState.ACTIVE
