"""The one door for what Slack sends, whichever way it came: each request once, whatever it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final, Protocol

from alerting.slack_desk.command import Command
from alerting.slack_desk.presses import Presses
from domain.errors import KeywatchError, Transient
from domain.redis_errors import redis_errors

SEEN_MS: Final = 660_000
"""A signature is good for five minutes either way: twice that and a little more."""


class Replays(Protocol):
    """Requests seen before."""

    def fresh(self, request: str) -> bool:
        """Whether it is the first time; from now on it is not."""


class RedisReplays:
    """Shared by all replicas."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("replays")
    def fresh(self, request: str) -> bool:
        return bool(self._redis.set(_key(request), 1, nx=True, px=SEEN_MS))


class MemoryReplays:
    """For one process; forgets nothing."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def fresh(self, request: str) -> bool:
        known = request in self._seen
        self._seen.add(request)
        return not known


class Entry:
    """Answers interactions and commands. ``failed`` hears of what went wrong."""

    def __init__(
        self,
        presses: Presses,
        command: Command,
        replays: Replays,
        failed: Callable[[KeywatchError], None],
    ) -> None:
        self._presses = presses
        self._command = command
        self._replays = replays
        self._failed = failed

    def fresh(self, request: str) -> bool:
        """Whether this request comes for the first time. Raises ``Transient``: then it must not pass."""
        return self._replays.fresh(request)

    def interaction(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to a press or a submitted modal."""
        try:
            return self._presses.handle(payload)
        except KeywatchError as error:
            self._failed(error)
            if payload.get("type") == "view_submission":
                return {"response_action": "errors", "errors": {"reason": _apology(error)}}
            return {}

    def command(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer to a slash command."""
        try:
            return self._command.handle(form)
        except KeywatchError as error:
            self._failed(error)
            return {"response_type": "ephemeral", "text": _apology(error)}


def _apology(error: KeywatchError) -> str:
    again = "please try again" if isinstance(error, Transient) else "please tell who runs keywatch"
    return f"That did not work ({error.reason.value}): {again}."


def _key(request: str) -> str:
    return f"kw:{{alerts}}:seen:{hashlib.sha256(request.encode()).hexdigest()}"
