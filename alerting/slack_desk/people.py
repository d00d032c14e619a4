"""Who may look and who may decide in Slack: what policy says, by user and user group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from alerting.notifiers.slack_api import SlackApi
from alerting.rules import Rulebook
from domain.clock import Clock
from domain.errors import Refused

GROUP_FRESH_S: Final = 300.0
"""Somebody who left a user group may still decide for so long."""


class People:
    """Thread-safe enough: a group may be asked for twice. Blocks for a call when a group is not fresh."""

    def __init__(self, api: SlackApi, rules: Rulebook, clock: Clock) -> None:
        self._api = api
        self._rules = rules
        self._clock = clock
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}
        self._team = ""

    def may_decide(self, user: str) -> bool:
        """Whether the user may press buttons."""
        return self._among(user, self._rules.review.may_decide)

    def may_look(self, user: str) -> bool:
        """Whether the user may ask about keys; who may decide may."""
        return self._among(user, [*self._rules.review.may_look, *self._rules.review.may_decide])

    def ours(self, payload: dict[str, Any]) -> bool:
        """Whether the user is of our workspace, not a guest from a shared channel."""
        if not self._team:
            self._team = self._api.call("auth_test").get("team_id", "")
        user = payload.get("user") or {}
        team = user.get("team_id") or (payload.get("team") or {}).get("id") or payload.get("team_id")
        return bool(self._team) and team == self._team

    def _among(self, user: str, listed: Sequence[str]) -> bool:
        if user in listed:
            return True
        return any(user in self._members(group) for group in listed if group.startswith("S"))

    def _members(self, group: str) -> frozenset[str]:
        at, known = self._groups.get(group, (float("-inf"), frozenset()))
        if self._clock.monotonic() - at < GROUP_FRESH_S:
            return known
        try:
            users = self._api.call("usergroups_users_list", usergroup=group).get("users", [])
        except Refused:  # no such group, or no scope to see it: then it has nobody
            users = []
        self._groups[group] = (self._clock.monotonic(), frozenset(users))
        return self._groups[group][1]
