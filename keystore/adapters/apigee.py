"""Apigee X and hybrid: revoke and approve one consumer key of a developer's app.

In Apigee the consumer key is the API key, so it may not be an event's key id. A key id is
``developer/app/fingerprint``: the fingerprint is the first 16 or more hex digits of the key's SHA-256, as
Apigee's own message template ``{sha256Hex(request.header.x-api-key)}`` writes it to a log. The key itself is
in the path of the one request that changes it; it is kept and shown nowhere.

https://cloud.google.com/apigee/docs/reference/apis/apigee/rest/v1/organizations.developers.apps.keys/updateDeveloperAppKey
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from domain.clock import Clock
from domain.errors import Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from domain.secret import Secret
from keystore.adapters.http import Api, segment
from keystore.adapters.vendor import Found, Order

PROPAGATION_S: Final = 180.0
"""Apigee's documentation: apps, developers and API products are cached for 180 seconds."""
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16,64}")
_NEVER: Final = "-1"


class _Credential(msgspec.Struct, rename="camel"):
    consumer_key: str
    status: str = "approved"
    expires_at: str = _NEVER
    """Epoch milliseconds as text."""

    def has(self, fingerprint: str) -> bool:
        """Whether this is the key of a fingerprint."""
        return hashlib.sha256(self.consumer_key.encode()).hexdigest().startswith(fingerprint)


class _App(msgspec.Struct, rename="camel"):
    status: str = "approved"
    credentials: list[_Credential] = []


class Apigee:
    """``organization`` is Apigee's. The credential needs ``apigee.developerapps.get`` and
    ``apigee.appkeys.manage``.
    """

    name = "Apigee"
    setting = "keystore.apigee"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, api: Api, clock: Clock, organization: str) -> None:
        self._api = api
        self._clock = clock
        self._organization = segment(organization)

    def read(self, key_id: str) -> Found:
        app_path, fingerprint = self._parts(key_id)
        app = self._api.read(app_path).into(_App)
        matching = [credential for credential in app.credentials if credential.has(fingerprint)]
        if len(matching) != 1:
            raise Refused(
                Reason.NOT_FOUND, f"the app of {key_id!r} has {len(matching)} keys with that fingerprint"
            )
        key = matching[0]
        revoked = "revoked" in (key.status, app.status) or key.status == "pending"
        state = KeyState.SUSPENDED if revoked else KeyState.ACTIVE
        if key.expires_at != _NEVER and int(key.expires_at) <= self._clock.now() * 1000:
            state = KeyState.EXPIRED
        return Found(key_id, state, tenant=key_id.split("/")[0], raw=Secret(key.consumer_key))

    def stop(self, order: Order) -> None:
        self._act(order.found, "revoke")

    def start(self, order: Order) -> None:
        self._act(order.found, "approve")

    def warnings(self) -> Sequence[str]:
        return []

    def _act(self, found: Found, action: str) -> None:
        path = f"{self._parts(found.key_id)[0]}/keys/{segment(found.raw.reveal())}"
        # Apigee wants this type, and no body, for an action
        headers = {"Content-Type": "application/octet-stream"}
        self._api.write("POST", path, params={"action": action}, headers=headers)

    def _parts(self, key_id: str) -> tuple[str, str]:
        parts = key_id.split("/")
        if len(parts) != 3 or not _FINGERPRINT.fullmatch(parts[2]):
            raise Refused(
                Reason.NOT_FOUND,
                f"{key_id!r} is no key id for Apigee, which is developer/app/first digits of the SHA-256",
            )
        developer, app, fingerprint = parts
        path = f"/organizations/{self._organization}/developers/{segment(developer)}/apps/{segment(app)}"
        return path, fingerprint
