"""Slack's Web API with its answers in our words: what to do again, what a person must mend.

No retry handlers of the SDK: they sleep in the calling thread and know nothing of other replicas. What
Slack asks to wait is kept for all of them, and the errand comes again.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from alerting.notifiers.pace import MemoryPace, Pace, take_turn
from domain.clock import Clock
from domain.errors import Fatal, KeywatchError, Reason, Refused, Transient
from domain.secret import Secret

SLACK: Final = "https://slack.com/api/"
PAGES_READ: Final = 20
_BAD_TOKEN: Final = {"not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired"}
_BAD_CHANNEL: Final = {"channel_not_found", "not_in_channel", "is_archived"}
_PASSING: Final = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
"""Codes that Slack answers with status 200 and that pass."""


class SlackRefused(Refused):
    """``code`` is Slack's own word for it."""

    def __init__(self, reason: Reason, message: str, code: str) -> None:
        super().__init__(reason, message)
        self.code = code


class SlackApi:
    """Thread-safe. Calls block for at most ``timeout_s`` and the pace of the channel."""

    def __init__(
        self,
        token: Secret,
        clock: Clock,
        sleep: Callable[[float], None],
        base_url: str = SLACK,
        timeout_s: int = 10,
        pace: Pace | None = None,
    ) -> None:
        self.client = WebClient(token=token.reveal(), base_url=base_url, timeout=timeout_s, retry_handlers=[])
        self._clock = clock
        self._sleep = sleep
        self._pace = pace or MemoryPace()
        self._ids: dict[str, str] = {}

    def call(self, method: str, *, paced: str = "", **arguments: Any) -> dict[str, Any]:
        """One call by the SDK's name of the method; ``paced`` names the channel whose turn it takes.

        Raises ``Transient``, ``Fatal`` for a bad token, :class:`SlackRefused`.
        """
        if paced:
            take_turn(self._pace, paced, self._clock, self._sleep)
        try:
            answer = getattr(self.client, method)(**arguments)
        except SlackApiError as error:
            raise self._translated(error, paced) from None
        except (SlackClientError, OSError, http.client.HTTPException) as error:
            raise Transient(Reason.UNREACHABLE, f"Slack did not answer: {type(error).__name__}") from None
        found: dict[str, Any] = answer.data
        return found

    def _translated(self, error: SlackApiError, channel: str) -> KeywatchError:
        answer: Any = error.response
        code = answer.get("error", "") if isinstance(answer.data, dict) else ""
        if answer.status_code == 429 or code in ("ratelimited", "rate_limited"):
            wait = float(answer.headers.get("Retry-After", 1))
            if channel:
                self._pace.hold(channel, int((self._clock.now() + wait) * 1000))
            return Transient(Reason.THROTTLED, f"Slack asks to wait {wait:.0f} s", wait)
        if answer.status_code >= 500 or code in _PASSING:
            return Transient(Reason.SERVER_ERROR, f"Slack answered {code or answer.status_code}")
        if code in _BAD_TOKEN:
            return Fatal(Reason.CREDENTIALS, f"Slack refused the bot token ({code}): check slack.token_file")
        if code in _BAD_CHANNEL:
            todo = "invite the bot with /invite, and check the channel in the settings"
            return SlackRefused(Reason.NOT_FOUND, f"Slack cannot post to {channel!r} ({code}): {todo}", code)
        if code == "missing_scope":
            needed = answer.get("needed", "another scope")
            return SlackRefused(Reason.DENIED, f"the Slack app lacks the scope {needed}", code)
        return SlackRefused(Reason.DENIED, f"Slack refused the call ({code or answer.status_code})", code)

    def pages(self, method: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Answers of a method with cursors, a bounded number of them."""
        cursor = ""
        for _ in range(PAGES_READ):
            answer = self.call(method, cursor=cursor, **arguments)
            yield answer
            cursor = answer.get("response_metadata", {}).get("next_cursor", "")
            if not cursor:
                return

    def channel_id(self, channel: str) -> str:
        """The id of a channel given by id or name; empty when it cannot be told."""
        if channel[:1] in "CGD" and channel.isalnum() and channel.isupper():
            return channel
        if channel not in self._ids:
            name = channel.removeprefix("#")
            kinds = "public_channel,private_channel"
            for page in self.pages("conversations_list", types=kinds, limit=1000, exclude_archived=True):
                self._ids.update({f"#{c['name']}": c["id"] for c in page.get("channels", [])})
                if f"#{name}" in self._ids:
                    break
            self._ids.setdefault(channel, self._ids.get(f"#{name}", ""))
        return self._ids[channel]

    def know(self, channel: str, channel_id: str) -> None:
        """Slack has just told the id."""
        self._ids[channel] = channel_id
