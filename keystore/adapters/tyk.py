"""Tyk Gateway: the whole session is read, changed and put back.

A key that is bound to policies takes its ``is_inactive`` from them and drops its own: such a key gets one
more policy, which is inactive. A key without policies gets ``is_inactive``. ``suppress_reset`` keeps its
quota as it is. Key ids are key hashes; ``hashed`` is always sent, as otherwise the id would be the key.

https://tyk.io/docs/tyk-gateway-api/ , and internal/policy/apply.go of github.com/TykTechnologies/tyk
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.clock import Clock
from domain.errors import Fatal, Reason
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api, segment
from keystore.adapters.vendor import Found, Order

PROPAGATION_S: Final = 10.0
"""Gateways keep sessions for ``local_session_cache.cached_session_timeout``, 10 s unless set otherwise."""
MARK: Final = "keywatch"
"""Field of the session's ``meta_data``."""


class _Policy(msgspec.Struct):
    is_inactive: bool = False


class Tyk:
    """``policy`` is the id of an inactive policy without access rights of its own, kept for this."""

    name = "Tyk"
    setting = "keystore.tyk"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, api: Api, clock: Clock, policy: str) -> None:
        self._api = api
        self._clock = clock
        self._policy = policy

    def read(self, key_id: str) -> Found:
        session = self._api.read(f"/tyk/keys/{segment(key_id)}", params={"hashed": "1"}).into(dict[str, Any])
        policies = _policies(session)
        stopped = bool(session.get("is_inactive")) or self._policy in policies
        expires_s = session.get("expires") or 0
        state = KeyState.SUSPENDED if stopped else KeyState.ACTIVE
        if isinstance(expires_s, int | float) and 0 < expires_s <= self._clock.now():
            state = KeyState.EXPIRED
        return Found(
            key_id,
            state,
            prior=json.dumps(session.get("apply_policies") or []),
            mark=str((session.get("meta_data") or {}).get(MARK, "")),
            tenant=str(session.get("org_id", "")),
            owner=str(session.get("alias", "")),
            raw=session,
        )

    def stop(self, order: Order) -> None:
        session = dict(order.found.raw)
        policies = _policies(session)
        if policies:
            self._require_inactive_policy()
            session["apply_policies"] = [*policies, self._policy]
        else:
            session["is_inactive"] = True
        session["meta_data"] = {**(session.get("meta_data") or {}), MARK: order.hold.mark}
        self._put(order.found.key_id, session)

    def start(self, order: Order) -> None:
        """What people changed meanwhile is kept; only what we added is taken away."""
        session = dict(order.found.raw)
        policies = [policy for policy in session.get("apply_policies") or [] if policy != self._policy]
        if policies == [session.get("apply_policy_id")] and not json.loads(order.hold.prior or "[]"):
            policies = []  # the key had only the older field
        session["apply_policies"] = policies
        session["is_inactive"] = False
        session["meta_data"] = {k: v for k, v in (session.get("meta_data") or {}).items() if k != MARK}
        self._put(order.found.key_id, session)

    def warnings(self) -> Sequence[str]:
        try:
            self._require_inactive_policy()
        except Fatal as error:
            if error.reason is not Reason.CONFIG:
                raise
            return [str(error)]
        return []

    def _require_inactive_policy(self) -> None:
        answer = self._api.read(f"/tyk/policies/{segment(self._policy)}", expect=(404,))
        if answer.status == 404 or not answer.into(_Policy).is_inactive:
            raise Fatal(
                Reason.CONFIG,
                f"keystore.tyk.policy: Tyk has no inactive policy {self._policy!r}, so that keys bound to "
                "policies cannot be stopped: create it with is_inactive true and no access rights",
            )

    def _put(self, key_id: str, session: dict[str, Any]) -> None:
        params = {"hashed": "1", "suppress_reset": "1"}
        self._api.write("PUT", f"/tyk/keys/{segment(key_id)}", params=params, json=session)


def _policies(session: dict[str, Any]) -> list[str]:
    """As Tyk reads them: the list, or the older single field where there is no list."""
    return list(session.get("apply_policies") or []) or [
        policy for policy in [session.get("apply_policy_id")] if policy
    ]
