"""Tyk Gateway's API, as its swagger.yml and gateway/api.go (github.com/TykTechnologies/tyk 5.x) have it.

What matters of internal/policy/apply.go is here too: a session that is bound to policies takes
``is_inactive`` from them and drops its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.vendors.server import Call, Reply, Request, VendorServer, closed, secret_file

SOURCE: Final = "https://github.com/TykTechnologies/tyk/blob/master/swagger.yml"
SECRET: Final = {"x-tyk-authorization": r"\S+"}
KEY: Final = r"/tyk/keys/(?P<hash>[0-9a-f]+|[^/]+)"
HASHED: Final = {"const": "1"}
SESSION: Final = {
    "type": "object",
    "required": ["access_rights", "org_id"],
    "properties": {
        "apply_policies": {"type": ["array", "null"], "items": {"type": "string"}},
        "is_inactive": {"type": "boolean"},
        "meta_data": {"type": ["object", "null"]},
        "quota_max": {"type": "integer"},
        "hmac_string": {"type": "string"},
    },
}


class TykServer(VendorServer):
    """Sessions by hash. ``binding``: ``policies``, ``per-API`` ones, the older ``policy``, ``none``."""

    kind = "tyk"
    calls = (
        Call("get", "GET", KEY, SOURCE, headers=SECRET, query=closed(hashed=HASHED)),
        Call(
            "put",
            "PUT",
            KEY,
            SOURCE,
            write=True,
            headers=SECRET,
            query=closed(hashed=HASHED, suppress_reset={"const": "1"}),
            body=SESSION,
        ),
        Call("policy", "GET", r"/tyk/policies/(?P<policy>[^/]+)", SOURCE, headers=SECRET),
    )

    def __init__(self, binding: str = "policies") -> None:
        super().__init__()
        self.binding = binding
        self.secrets.append("hmac-s3cret")
        self.sessions: dict[str, dict[str, Any]] = {}
        part = "per_api" if binding == "per-API" else "rate_limit"
        self.policies = {
            "gold": policy("gold", inactive=False, **{part: True}),
            "silver": policy("silver", inactive=False, **{part: True}),
            "keywatch-suspended": policy("keywatch-suspended", inactive=True, acl=True),
            "keywatch-per-api": policy("keywatch-per-api", inactive=True, per_api=True),
        }

    def settings(self, directory: Path) -> dict[str, Any]:
        policies = {"per_api_policy": "keywatch-per-api"} if self.binding == "per-API" else {}
        return {"url": self.url, "secret_file": secret_file(directory, self.secrets[0]), **policies}

    def authorised(self, request: Request) -> bool:
        return request.headers["x-tyk-authorization"] == "credential-s3cret"

    def denied(self) -> Reply:
        return Reply(403, self.error(403, "Attempted administrative access with invalid or missing key!"))

    def error(self, status: int, what: str) -> Any:
        return {"status": "error", "message": what}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.name == "policy":
            policy = self.policies.get(parameters["policy"])
            return Reply(200, policy) if policy else Reply(404, self.error(404, "Policy not found"))
        key_id = parameters["hash"]
        if key_id not in self.sessions:
            return Reply(404, self.error(404, "Key not found"))
        if call.name == "put":
            new = {name: value for name, value in request.body.items() if value}
            if self._mixed(_names(new)):
                what = "Failed to create key, ensure security settings are correct."
                return Reply(500, self.error(500, what))
            self.sessions[key_id] = new
            self.sessions[key_id] = self.applied(key_id)
            return Reply(200, {"key": key_id, "status": "ok", "action": "modified"})
        return Reply(200, self.applied(key_id))

    def applied(self, key_id: str) -> dict[str, Any]:
        """The session with its policies applied, as Tyk answers and enforces it."""
        session = copy.deepcopy(self.sessions[key_id])
        names = _names(session)
        if names:
            session["is_inactive"] = any(self.policies[name]["is_inactive"] for name in names)
        if any(not any(self.policies[name]["partitions"].values()) for name in names):
            session.pop("rate", None)  # ClearSession: a policy without partitions sets all of them
        if not session.get("is_inactive"):
            session.pop("is_inactive", None)
        return session

    def _mixed(self, names: Sequence[str]) -> bool:
        """ErrMixedPartitionAndPerAPIPolicies, as far as policies with access rights go."""
        parts = [self.policies[name]["partitions"] for name in names]
        per_api = any(p["per_api"] for p in parts)
        return per_api and any(p[n] for p in parts for n in ("acl", "quota", "rate_limit"))

    def new_key(self) -> str:
        key_id = f"{self.number():08x}"
        binding: dict[str, dict[str, Any]] = {
            "policies": {"apply_policies": ["gold", "silver"]},
            "per-API": {"apply_policies": ["gold", "silver"]},
            "policy": {"apply_policy_id": "gold"},
        }
        self.sessions[key_id] = {
            "org_id": "acme",
            "alias": "ops",
            "access_rights": {"api": {"api_id": "api", "versions": ["Default"]}},
            "quota_max": 10_000,
            "quota_renews": 1_723_207_234,
            "rate": 1000,
            "hmac_string": "hmac-s3cret",
            "meta_data": {"plan": "pro"},
            **binding.get(self.binding, {}),
        }
        return key_id

    def turn(self, key_id: str, *, on: bool) -> None:
        session = self.sessions[key_id]
        if self.binding == "none":
            session["is_inactive"] = not on
        else:
            session["apply_policies"] = ["gold"] if on else ["gold", "blocked"]
            self.policies["blocked"] = policy("blocked", inactive=True, acl=True)

    def end(self, key_id: str) -> None:
        del self.sessions[key_id]

    def stopped(self, key_id: str) -> bool:
        return bool(self.applied(key_id).get("is_inactive"))

    def record(self, key_id: str) -> Any:
        return copy.deepcopy(self.sessions[key_id])


def policy(policy_id: str, *, inactive: bool, **partitions: bool) -> dict[str, Any]:
    """As ``GET /tyk/policies/{polID}`` answers it."""
    off = {"quota": False, "rate_limit": False, "acl": False, "complexity": False, "per_api": False}
    rights = {} if inactive else {"api": {"api_id": "api", "versions": ["Default"]}}
    return {
        "id": policy_id,
        "is_inactive": inactive,
        "access_rights": rights,
        "partitions": off | partitions,
    }


def _names(session: Mapping[str, Any]) -> list[str]:
    older = [session["apply_policy_id"]] if "apply_policy_id" in session else []
    return list(session.get("apply_policies") or older)
