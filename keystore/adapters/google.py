"""Google Cloud API keys: restrict a key to an address that nobody has, or delete and undelete it.

Restricting (the default) can be undone at any time: the key's own restrictions are remembered and put
back, and an annotation says that keywatch did it. Deleting can be undone for 30 days. Both answer a
long-running operation, and are refused when the key is no longer as it was read (``etag``).

https://cloud.google.com/api-keys/docs/reference/rest/v2/projects.locations.keys
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from domain.errors import Fatal, Reason, Refused, Transient
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Answer, Api, segment
from keystore.adapters.vendor import Found, Order, Overtaken

PROPAGATION_S: Final = 300.0
"""Google's console: "it may take up to 5 minutes for settings to take effect"."""
UNDELETE_WITHIN_S: Final = 30 * 86_400.0
NOBODY: Final = "192.0.2.1"
"""Of TEST-NET-1 (RFC 5737), which nobody may use: the only address a stopped key is accepted from."""
ANNOTATION: Final = "keywatch"
POLLS_S: Final = (0.2, 0.4, 0.8, 1.6)
"""Waits before an operation is looked at again; after them its outcome counts as unknown."""
_ABORTED: Final = (9, 10)
"""google.rpc.Code FAILED_PRECONDITION and ABORTED: the key is not as it was read."""
_DENIED: Final = (7, 16)


class _Key(msgspec.Struct, rename="camel"):
    etag: str = ""
    restrictions: Mapping[str, Any] = {}
    annotations: Mapping[str, str] = {}
    delete_time: str = ""
    display_name: str = ""


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Operation(msgspec.Struct):
    name: str
    done: bool = False
    error: _Status | None = None


class GoogleApiKeys:
    """Key ids are the last part of a key's resource name. ``sleep`` waits between two looks, in seconds."""

    name = "Google API keys"
    setting = "keystore.google"

    def __init__(
        self, api: Api, sleep: Callable[[float], None], project: str, mode: Literal["restrict", "delete"]
    ) -> None:
        self._api = api
        self._sleep = sleep
        self._keys = f"/v2/projects/{segment(project)}/locations/global/keys"
        self._mode = mode
        limit_s = UNDELETE_WITHIN_S if mode == "delete" else None
        self.capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S, limit_s)

    def read(self, key_id: str) -> Found:
        """A deleted key is still answered, with ``deleteTime`` (https://google.aip.dev/164)."""
        key = self._api.read(self._path(key_id)).into(_Key)
        blocked = key.restrictions.get("serverKeyRestrictions", {}).get("allowedIps") == [NOBODY]
        deleted = bool(key.delete_time)
        return Found(
            key_id,
            KeyState.SUSPENDED if blocked or deleted else KeyState.ACTIVE,
            prior=json.dumps(key.restrictions),
            mark=None if deleted and self._mode == "delete" else key.annotations.get(ANNOTATION, ""),
            owner=key.display_name,
            raw=key,
        )

    def stop(self, order: Order) -> None:
        found = order.found
        key: _Key = found.raw
        if self._mode == "delete":
            self._done("DELETE", self._path(found.key_id), params={"etag": key.etag})
            return
        targets = {name: value for name, value in key.restrictions.items() if name == "apiTargets"}
        restrictions = {**targets, "serverKeyRestrictions": {"allowedIps": [NOBODY]}}
        self._patch(found, restrictions, {**key.annotations, ANNOTATION: order.hold.mark})

    def start(self, order: Order) -> None:
        found = order.found
        key: _Key = found.raw
        if key.delete_time:
            self._done("POST", self._path(found.key_id) + ":undelete", json={})
            return
        annotations = {name: value for name, value in key.annotations.items() if name != ANNOTATION}
        self._patch(found, json.loads(order.hold.prior or "{}"), annotations)

    def warnings(self) -> Sequence[str]:
        return []

    def _patch(self, found: Found, restrictions: Mapping[str, Any], annotations: Mapping[str, str]) -> None:
        body = {"restrictions": restrictions, "annotations": annotations, "etag": found.raw.etag}
        params = {"updateMask": "restrictions,annotations"}
        self._done("PATCH", self._path(found.key_id), params=params, json=body)

    def _done(self, method: str, path: str, **request: Any) -> None:
        """Write, and wait until the operation is done."""
        answer = self._api.write(method, path, expect=(400, 409), **request)
        if answer.status in (400, 409):
            raise _refused(answer)
        operation = answer.into(_Operation)
        for wait_s in POLLS_S:
            if operation.done:
                break
            self._sleep(wait_s)
            operation = self._api.read(f"/v2/{operation.name}").into(_Operation)
        if not operation.done:
            raise Transient(
                Reason.TIMEOUT, "Google has not finished changing the key: the outcome is unknown"
            )
        if operation.error is not None:
            raise _failed(operation.error.code)

    def _path(self, key_id: str) -> str:
        return f"{self._keys}/{segment(key_id)}"


def _refused(answer: Answer) -> Exception:
    status = str((answer.body.get("error") or {}).get("status", ""))
    if status in ("ABORTED", "FAILED_PRECONDITION") or answer.status == 409:
        return Overtaken(status)
    return Refused(Reason.DENIED, f"Google refused the change ({status or answer.status})")


def _failed(code: int) -> Exception:
    """What became of an operation: https://cloud.google.com/apis/design/errors#error_codes."""
    if code in _ABORTED:
        return Overtaken(f"operation failed with code {code}")
    if code in _DENIED:
        return Fatal(Reason.CREDENTIALS, "Google refused our credential: check keystore.google and its role")
    return Transient(Reason.SERVER_ERROR, f"Google could not change the key (code {code})")
