"""Signs of life that somebody else misses when keywatch, or its way to people, is dead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import httpx

from alerting.notifiers.slack_api import SlackApi, SlackRefused
from domain.clock import Clock
from domain.errors import Reason, Refused, Transient
from domain.redis_errors import redis_errors
from domain.secret import Secret

_TEXT: Final = (
    ":warning: keywatch has been silent for {minutes:.0f} minutes: it is down, or cannot deliver alerts. "
    "Suspicious use of API keys may go unseen."
)


class Heartbeat(Protocol):
    """Called every so often."""

    def beat(self) -> bool:
        """Whether the sign was given; not while alerts do not arrive."""


class UrlHeartbeat:
    """A GET of a URL that raises an alarm when it is not called, as dead man's switches on the web do."""

    def __init__(
        self,
        url: Secret,
        wrong: Callable[[], str],
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._wrong = wrong
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, transport=transport)

    def beat(self) -> bool:
        """Raises ``Transient`` or ``Refused`` when the other side does not take it."""
        if self._wrong():
            return False
        try:
            answer = self._client.get(self._url.reveal())
        except httpx.HTTPError as error:
            raise Transient(
                Reason.UNREACHABLE, f"the heartbeat URL did not answer: {type(error).__name__}"
            ) from None
        if answer.status_code >= 300:
            raise Refused(Reason.DENIED, f"the heartbeat URL answered {answer.status_code}")
        return True


class Slot(Protocol):
    """Remembers one text for all replicas."""

    def swap(self, text: str) -> str:
        """Store it; answers what was there, empty at first."""


class RedisSlot:
    """One string."""

    KEY: Final = "kw:{alerts}:deadman"

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("heartbeat")
    def swap(self, text: str) -> str:
        old: bytes | None = self._redis.set(self.KEY, text, get=True)
        return (old or b"").decode()


class SlackHeartbeat:
    """A message that Slack posts by itself unless we put it off: needs nothing but Slack."""

    def __init__(
        self,
        api: SlackApi,
        channel: str,
        slot: Slot,
        wrong: Callable[[], str],
        after_s: float,
        clock: Clock,
    ) -> None:
        self._api = api
        self._channel = channel
        self._slot = slot
        self._wrong = wrong
        self._after_s = after_s
        self._clock = clock

    def beat(self) -> bool:
        """Schedule the next message, then take back the one before: there always is one."""
        if self._wrong():
            return False
        post_at = int(self._clock.now() + self._after_s)
        text = _TEXT.format(minutes=self._after_s / 60)
        new = self._api.call("chat_scheduleMessage", channel=self._channel, post_at=post_at, text=text)
        old = self._slot.swap(f"{new['channel']} {new['scheduled_message_id']}")
        if old:
            self._take_back(*old.split(" ", 1))
        return True

    def _take_back(self, channel: str, number: str) -> None:
        try:
            self._api.call("chat_deleteScheduledMessage", channel=channel, scheduled_message_id=number)
        except SlackRefused:
            return  # it was posted meanwhile
