"""Any store of yours: a signed webhook that stops, starts and describes keys.

Messages are POSTed in the form of Standard Webhooks (https://www.standardwebhooks.com); docs/key-stores/
webhook.md is the contract for the receiver. A message about a case has the same ``webhook-id`` however
often it is sent, also as ``Idempotency-Key``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from domain.clock import Clock
from domain.ports import Capabilities, KeyState
from keystore.adapters.http import Api
from keystore.adapters.standard_webhooks import Signer
from keystore.adapters.vendor import Found, Order, Overtaken

_ALREADY: Final = (409, 410)


class _Description(msgspec.Struct):
    state: KeyState
    tenant: str = ""
    owner: str = ""


class Webhook:
    """``describes``: whether the receiver answers ``keywatch.key.describe``; else what we remember must do.

    Parameters
    ----------
    new_id
        Letters and digits that nobody can foresee, anew at each call.
    """

    name = "the webhook"
    setting = "keystore.webhook"

    def __init__(
        self,
        api: Api,
        signer: Signer,
        clock: Clock,
        new_id: Callable[[], str],
        capabilities: Capabilities,
        *,
        describes: bool,
    ) -> None:
        self._api = api
        self._signer = signer
        self._clock = clock
        self._new_id = new_id
        self._describes = describes
        self.capabilities = capabilities

    def read(self, key_id: str) -> Found:
        if not self._describes:
            return Found(key_id, KeyState.ACTIVE, told=False)
        body = _message("describe", {"key_id": key_id}, int(self._clock.now() * 1000))
        headers = self._headers(f"msg_{self._new_id()}", body)
        told = self._api.query("", content=body, headers=headers).into(_Description)
        return Found(key_id, told.state, tenant=told.tenant, owner=told.owner)

    def stop(self, order: Order) -> None:
        hold = order.hold
        ends = None if hold.expires_ms is None else _iso(hold.expires_ms)
        case = {"case_id": hold.case_id, "reason": hold.reason, "expires_at": ends}
        self._send("suspend", order, case)

    def start(self, order: Order) -> None:
        self._send("reinstate", order, {"case_id": order.hold.case_id})

    def warnings(self) -> Sequence[str]:
        if self._describes:
            return []
        return ["the receiver describes no keys: what people do to them there is not seen"]

    def _send(self, verb: str, order: Order, case: Mapping[str, Any]) -> None:
        key_id = order.found.key_id
        named = json.dumps([verb, key_id, order.hold.mark]).encode()
        # dated by the suspension's beginning, so that a message sent again is the same to the byte
        body = _message(verb, {"key_id": key_id, **case}, order.hold.since_ms)
        headers = self._headers(f"msg_{hashlib.sha256(named).hexdigest()[:32]}", body)
        if self._api.write("POST", "", content=body, headers=headers, expect=_ALREADY).status in _ALREADY:
            raise Overtaken("the receiver says that this is so already")

    def _headers(self, message_id: str, body: bytes) -> Mapping[str, str]:
        signed = self._signer.headers(message_id, int(self._clock.now()), body)
        return {"Content-Type": "application/json", "Idempotency-Key": message_id, **signed}


def _message(verb: str, data: Mapping[str, Any], at_ms: int) -> bytes:
    message = {"type": f"keywatch.key.{verb}", "timestamp": _iso(at_ms), "data": data}
    return json.dumps(message, separators=(",", ":")).encode()


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")
