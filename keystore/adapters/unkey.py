"""Unkey: ``keys.updateKey`` with ``enabled``, and nothing else: what is sent replaces what was set.

https://www.unkey.com/docs/api-reference/v2/keys/update-api-key
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from domain.clock import Clock
from domain.errors import Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api
from keystore.adapters.vendor import Found, Order

PROPAGATION_S: Final = 30.0
"""Unkey's documentation: up to 30 seconds to all edge regions."""
_KEY_ID: Final = re.compile(r"[a-zA-Z0-9_]{3,255}")


class _Identity(msgspec.Struct, rename="camel"):
    external_id: str = ""


class _Key(msgspec.Struct):
    enabled: bool
    expires: int | None = None
    identity: _Identity | None = None


class _Answer(msgspec.Struct):
    data: _Key


class Unkey:
    """Key ids are Unkey's own (``key_...``). The root key needs ``read_key`` and ``update_key``."""

    name = "Unkey"
    setting = "keystore.unkey"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    def read(self, key_id: str) -> Found:
        if not _KEY_ID.fullmatch(key_id):
            raise Refused(Reason.NOT_FOUND, f"{key_id!r} is no key id of Unkey")
        key = self._api.query("/v2/keys.getKey", json={"keyId": key_id}).into(_Answer).data
        state = KeyState.ACTIVE if key.enabled else KeyState.SUSPENDED
        if key.expires is not None and key.expires <= self._clock.now() * 1000:
            state = KeyState.EXPIRED
        return Found(key_id, state, owner=key.identity.external_id if key.identity else "")

    def stop(self, order: Order) -> None:
        self._set(order.found.key_id, enabled=False)

    def start(self, order: Order) -> None:
        self._set(order.found.key_id, enabled=True)

    def warnings(self) -> Sequence[str]:
        return []

    def _set(self, key_id: str, *, enabled: bool) -> None:
        self._api.write("POST", "/v2/keys.updateKey", json={"keyId": key_id, "enabled": enabled})
