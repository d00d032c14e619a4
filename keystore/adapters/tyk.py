"""Tyk Gateway: the whole session is read, changed and put back.

A key that is bound to policies takes its ``is_inactive`` from them and drops its own: such a key gets one
more policy, which is inactive. A key without policies gets ``is_inactive``. That policy must carry nothing
else: one without partitions would clear the key's own rate and quota, and per-API policies cannot be mixed
with partitioned ones. ``suppress_reset`` keeps the quota as it is. Key ids are key hashes; ``hashed`` is
always sent, as otherwise the id would be the key.

https://tyk.io/docs/tyk-gateway-api/ , and internal/policy/apply.go of github.com/TykTechnologies/tyk
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from domain.clock import Clock
from domain.errors import Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.http import Api, segment
from keystore.adapters.vendor import Found, Order

PROPAGATION_S: Final = 10.0
"""Gateways keep sessions for ``local_session_cache.cached_session_timeout``, 10 s unless set otherwise."""
MARK: Final = "keywatch"
"""Field of the session's ``meta_data``."""


class _Partitions(msgspec.Struct):
    acl: bool = False
    quota: bool = False
    rate_limit: bool = False
    complexity: bool = False
    per_api: bool = False


class _Policy(msgspec.Struct):
    is_inactive: bool = False
    access_rights: Mapping[str, Any] | None = None
    partitions: _Partitions = msgspec.field(default_factory=_Partitions)


ACL_ONLY: Final = _Partitions(acl=True)
PER_API: Final = _Partitions(per_api=True)


class Tyk:
    """``policy`` and ``per_api_policy`` are ids of inactive policies without access rights, kept for this:
    the one with the ``acl`` partition alone, the other with ``per_api``, for keys whose policies have it.
    """

    name = "Tyk"
    setting = "keystore.tyk"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, api: Api, clock: Clock, policy: str, per_api_policy: str) -> None:
        self._api = api
        self._clock = clock
        self._policy = policy
        self._per_api_policy = per_api_policy
        self._ours = {policy, per_api_policy} - {""}

    def read(self, key_id: str) -> Found:
        session = self._api.read(f"/tyk/keys/{segment(key_id)}", params={"hashed": "1"}).into(dict[str, Any])
        policies = _policies(session)
        stopped = bool(session.get("is_inactive")) or not self._ours.isdisjoint(policies)
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
            session["apply_policies"] = [*policies, self._inactive_policy(policies)]
        else:
            session["is_inactive"] = True
        session["meta_data"] = {**(session.get("meta_data") or {}), MARK: order.hold.mark}
        self._put(order.found.key_id, session)

    def start(self, order: Order) -> None:
        """What people changed meanwhile is kept; only what we added is taken away."""
        session = dict(order.found.raw)
        policies = [policy for policy in session.get("apply_policies") or [] if policy not in self._ours]
        if policies == [session.get("apply_policy_id")] and not json.loads(order.hold.prior or "[]"):
            policies = []  # the key had only the older field
        session["apply_policies"] = policies
        session["is_inactive"] = False
        session["meta_data"] = {k: v for k, v in (session.get("meta_data") or {}).items() if k != MARK}
        self._put(order.found.key_id, session)

    def warnings(self) -> Sequence[str]:
        wanted = [(self._policy, ACL_ONLY), (self._per_api_policy, PER_API)]
        problems = [self._problem(policy, parts) for policy, parts in wanted if policy]
        return [problem for problem in problems if problem]

    def _inactive_policy(self, bound_to: Sequence[str]) -> str:
        """Ours that goes with a key's policies. Raises ``Refused`` if it would not stop the key."""
        first = self._policy_named(bound_to[0])
        per_api = first is not None and first.partitions.per_api
        chosen, parts = (self._per_api_policy, PER_API) if per_api else (self._policy, ACL_ONLY)
        if not chosen:
            raise Refused(
                Reason.DENIED,
                "the key is bound to per-API policies, and keystore.tyk.per_api_policy is not set",
            )
        problem = self._problem(chosen, parts)
        if problem:
            raise Refused(Reason.DENIED, problem)  # one key less to suspend is no reason to stop watching all
        return chosen

    def _problem(self, policy_id: str, parts: _Partitions) -> str:
        """What is wrong with a policy that should stop keys and do nothing else; "" if nothing is."""
        policy = self._policy_named(policy_id)
        if (
            policy is not None
            and policy.is_inactive
            and not policy.access_rights
            and policy.partitions == parts
        ):
            return ""
        setting = "per_api_policy" if parts.per_api else "policy"
        found = "is missing" if policy is None else "is not so"
        return (
            f"keystore.tyk.{setting}: {policy_id!r} {found}; it must have is_inactive true, no access_rights "
            f"and just the partition {'per_api' if parts.per_api else 'acl'}, else keys bound to policies "
            "cannot be stopped"
        )

    def _policy_named(self, policy_id: str) -> _Policy | None:
        answer = self._api.read(f"/tyk/policies/{segment(policy_id)}", expect=(404,))
        return None if answer.status == 404 else answer.into(_Policy)

    def _put(self, key_id: str, session: dict[str, Any]) -> None:
        params = {"hashed": "1", "suppress_reset": "1"}
        self._api.write("PUT", f"/tyk/keys/{segment(key_id)}", params=params, json=session)


def _policies(session: dict[str, Any]) -> list[str]:
    """As Tyk reads them: the list, or the older single field where there is no list."""
    return list(session.get("apply_policies") or []) or [
        policy for policy in [session.get("apply_policy_id")] if policy
    ]
