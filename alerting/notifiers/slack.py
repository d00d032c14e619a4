"""Alerts in Slack: one message an incident, edited as it goes on, with its detail in the thread.

Exactly one: the message is claimed in the book before it is posted. Slack has no idempotency key, so a
post whose answer was lost is looked for in the channel by its metadata before another is made, and a
worker that lost its claim while it posted takes its own message back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from alerting.delivery.book import MemoryMessageBook, MessageBook, Standing
from alerting.notifiers.pace import Pace
from alerting.notifiers.slack_api import SLACK, SlackApi, SlackRefused
from alerting.notifiers.slack_blocks import Draft, draft, notice_blocks, reminder_text, without_tokens
from alerting.notifiers.slack_text import plain
from alerting.notifiers.slack_thread import Pictures, Thread
from domain.clock import Clock
from domain.errors import Reason, Refused, Transient
from domain.notice import Notice
from domain.ports import Alert, Message, Reminder
from domain.secret import Secret

LEASE_MS: Final = 120_000
EVENT_TYPE: Final = "keywatch_alert"
_GONE: Final = {"message_not_found", "cant_update_message", "edit_window_closed"}
"""Somebody deleted the message, or it cannot be edited any more: post another."""


class Buttons(Protocol):
    """What stands behind the buttons of a message."""

    revokes: bool
    """Whether the key store can end a key for good."""

    @property
    def offered(self) -> bool:
        """Whether anybody may press."""

    def token(self, alert: Alert) -> str:
        """A new token for the message of an alert."""


class SlackNotifier:
    """``channel`` is an id or name; the bot must be a member. Blocks while it keeps the channel's pace.

    ``buttons`` gives tokens to press; without it there are none. ``mention`` is put in front of escalated
    reminders, as Slack writes it (``<!subteam^S0123>``).
    """

    def __init__(
        self,
        token: Secret,
        channel: str,
        clock: Clock,
        sleep: Callable[[float], None],
        base_url: str = SLACK,
        timeout_s: int = 10,
        *,
        name: str = "slack",
        book: MessageBook | None = None,
        pace: Pace | None = None,
        buttons: Buttons | None = None,
        pictures: Pictures | None = None,
        mention: str = "",
    ) -> None:
        self.name = name
        self._api = SlackApi(token, clock, sleep, base_url, timeout_s, pace)
        self._channel = channel
        self._clock = clock
        self._book = book or MemoryMessageBook()
        self._buttons = buttons
        self._thread = Thread(self._api, channel, pictures)
        self._mention = mention

    def send(self, message: Message) -> None:
        match message:
            case Alert():
                self._claimed(message.id, lambda standing: self._alert(message, standing))
            case Reminder():
                self._claimed(message.alert.id, lambda standing: self._remind(message, standing))
            case Notice():
                self._claimed(message.id, lambda standing: self._tell(message, standing))

    def _claimed(self, message_id: str, send: Callable[[Standing], Standing]) -> None:
        """Run ``send`` with the message in our hands. Raises ``Transient(CONFLICT)`` if it is not."""
        book_id = f"{message_id}@{self.name}"
        standing = self._book.claim(book_id, self._now_ms(), LEASE_MS)
        if standing is None:
            raise _elsewhere(message_id)
        try:
            self._written(book_id, send(standing))
        finally:
            self._book.release(book_id, standing)

    def _written(self, book_id: str, standing: Standing) -> None:
        if not self._book.write(book_id, standing):
            raise _elsewhere(book_id)

    # -- alerts --------------------------------------------------------------------------------------

    def _alert(self, alert: Alert, standing: Standing) -> Standing:
        """Post or edit, then the thread."""
        offered, revokes = (self._buttons.offered, self._buttons.revokes) if self._buttons else (False, False)
        drafted = draft(alert, "-" if offered else "", revokes=revokes)
        digest = hashlib.sha256(json.dumps(without_tokens(drafted.blocks)).encode()).hexdigest()[:32]
        known = standing
        standing = self._found(alert.id, standing, drafted.findings)
        if standing.ts != known.ts and alert.incident:  # it made its sound when it was posted
            standing = replace(standing, told_ms=alert.incident.told_ms)
        existed = bool(standing.ts)
        if existed and (alert.incident is None or digest != standing.digest):
            existed = self._edited(standing, self._pressable(alert, drafted))
        if not existed:
            blocks = self._pressable(alert, drafted).blocks
            standing = self._posted(alert.id, standing, drafted.text, blocks, drafted.findings)
        standing = replace(standing, digest=digest)
        self._written(f"{alert.id}@{self.name}", standing)
        return self._thread.brought_up(alert, standing, drafted.left_out, existed=existed)

    def _pressable(self, alert: Alert, drafted: Draft) -> Draft:
        """With a new token behind its buttons, now that it is sent."""
        if self._buttons is None or not self._buttons.offered:
            return drafted
        return draft(alert, self._buttons.token(alert), revokes=self._buttons.revokes)

    def _edited(self, standing: Standing, drafted: Draft) -> bool:
        """False when the message is gone."""
        try:
            self._api.call(
                "chat_update",
                paced=self._channel,
                channel=standing.channel,
                ts=standing.ts,
                text=drafted.text,
                blocks=drafted.blocks,
            )
        except SlackRefused as error:
            if error.code in _GONE:
                return False
            raise
        return True

    def _posted(
        self, message_id: str, standing: Standing, text: str, blocks: list[Any], findings: list[str]
    ) -> Standing:
        book_id = f"{message_id}@{self.name}"
        attempted = replace(standing, channel="", ts="", attempted_ms=self._now_ms())
        self._written(book_id, attempted)
        try:
            answer = self._post(text, blocks, message_id)
        except Transient as error:
            if error.reason is Reason.THROTTLED:  # the one answer that says it was not posted
                self._written(book_id, standing)
            raise
        self._api.know(self._channel, answer["channel"])
        posted = replace(
            standing,
            channel=answer["channel"],
            ts=answer["ts"],
            attempted_ms=0,
            detailed=" ".join(findings),
            charted=0,
        )
        if not self._book.write(book_id, posted):
            self._api.call("chat_delete", channel=posted.channel, ts=posted.ts)
            raise _elsewhere(message_id)
        return posted

    def _post(self, text: str, blocks: list[Any], message_id: str) -> dict[str, Any]:
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"alert_id": message_id}}
        return self._api.call(
            "chat_postMessage",
            paced=self._channel,
            channel=self._channel,
            text=text,
            blocks=blocks,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )

    def _found(self, message_id: str, standing: Standing, findings: Sequence[str] = ()) -> Standing:
        """With the place of a message that was posted and never recorded, if there is one."""
        if standing.ts or not standing.attempted_ms:
            return standing
        try:
            channel = self._api.channel_id(self._channel)
            ts = self._searched(channel, message_id, standing.attempted_ms) if channel else ""
        except Refused:  # without the scope to look, a rare second message is better than none
            return standing
        if not ts:
            return replace(standing, attempted_ms=0)
        return replace(standing, channel=channel, ts=ts, attempted_ms=0, detailed=" ".join(findings))

    def _searched(self, channel: str, message_id: str, since_ms: int) -> str:
        oldest = str(since_ms / 1000 - 60)
        arguments: dict[str, Any] = {"channel": channel, "oldest": oldest, "include_all_metadata": True}
        for page in self._api.pages("conversations_history", limit=200, **arguments):
            for message in page.get("messages", []):
                payload = message.get("metadata", {}).get("event_payload", {})
                if payload.get("alert_id") == message_id:
                    ts: str = message["ts"]
                    return ts
        return ""

    # -- the rest ------------------------------------------------------------------------------------

    def _remind(self, reminder: Reminder, standing: Standing) -> Standing:
        """In the thread, and shown in the channel. The message itself is another errand's."""
        if not standing.ts:
            raise Transient(Reason.CONFLICT, "the message that this reminds of is not posted yet")
        self._thread.reply(standing, reminder_text(reminder, self._mention), broadcast=True)
        return standing

    def _tell(self, notice: Notice, standing: Standing) -> Standing:
        standing = self._found(notice.id, standing)
        if standing.ts:
            return standing
        return self._posted(notice.id, standing, plain(notice.title), notice_blocks(notice), [])

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _elsewhere(message_id: str) -> Transient:
    return Transient(Reason.CONFLICT, f"another worker has the message of {message_id}", 2.0)
