"""Alerts in Slack, as Block Kit messages through slack_sdk.

Text that an attacker can choose (key id, user agent, path) is shown in code spans with ``& < >``
escaped and backticks taken out, so that no mention, link or formatting gets through. An alert that
was sent before is edited, not repeated. At most one message a second goes to a channel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.models.blocks import ContextBlock, DividerBlock, HeaderBlock, MarkdownTextObject, SectionBlock

from alerting.notifiers.words import headline, how_to_review, place, why
from domain.clock import Clock
from domain.errors import Fatal, KeywatchError, Reason, Refused, Transient
from domain.ports import Alert
from domain.secret import Secret

SPACING_S: Final = 1.0
"""Slack allows about one message a second a channel."""
SECTION_CHARS: Final = 2_900
FIELD_CHARS: Final = 300
EVIDENCE_SHOWN: Final = 6
REMEMBERED: Final = 10_000
_BAD_TOKEN: Final = {"not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired"}
_BAD_CHANNEL: Final = {"channel_not_found", "not_in_channel", "is_archived"}


class SlackNotifier:
    """``channel`` is an id or name; the bot must be a member. Blocks while it keeps the spacing."""

    name = "slack"

    def __init__(
        self,
        token: Secret,
        channel: str,
        clock: Clock,
        sleep: Callable[[float], None],
        base_url: str = "https://slack.com/api/",
        timeout_s: int = 10,
    ) -> None:
        self._client = WebClient(
            token=token.reveal(), base_url=base_url, timeout=timeout_s, retry_handlers=[]
        )
        self._channel = channel
        self._clock = clock
        self._sleep = sleep
        self._last_s = float("-inf")
        self._posted: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def send(self, alert: Alert) -> None:
        self._keep_spacing()
        message: dict[str, Any] = {"text": fallback(alert), "blocks": blocks(alert)}
        place_of = self._posted.get(alert.id)
        try:
            if place_of:
                self._client.chat_update(channel=place_of[0], ts=place_of[1], **message)
                return
            metadata = {"event_type": "keywatch_alert", "event_payload": {"alert_id": alert.id}}
            answer = self._client.chat_postMessage(
                channel=self._channel, metadata=metadata, unfurl_links=False, unfurl_media=False, **message
            )
        except SlackApiError as error:
            raise self._translated(error) from None
        except (SlackClientError, OSError) as error:
            raise Transient(Reason.UNREACHABLE, f"Slack did not answer: {type(error).__name__}") from None
        self._posted[alert.id] = (answer["channel"], answer["ts"])
        if len(self._posted) > REMEMBERED:
            self._posted.popitem(last=False)

    def _keep_spacing(self) -> None:
        wait = self._last_s + SPACING_S - self._clock.monotonic()
        if wait > 0:
            self._sleep(wait)
        self._last_s = self._clock.monotonic()

    def _translated(self, error: SlackApiError) -> KeywatchError:
        answer: Any = error.response
        code = answer.get("error", "") if isinstance(answer.data, dict) else ""
        if answer.status_code == 429 or code == "ratelimited":
            wait = float(answer.headers.get("Retry-After", 1))
            return Transient(Reason.THROTTLED, f"Slack asks to wait {wait:.0f} s", wait)
        if answer.status_code >= 500:
            return Transient(Reason.SERVER_ERROR, f"Slack answered {answer.status_code}")
        if code in _BAD_TOKEN:
            return Fatal(Reason.CREDENTIALS, f"Slack refused the bot token ({code}): check slack.token_file")
        if code in _BAD_CHANNEL:
            todo = "invite the bot with /invite, and check slack.channel"
            return Refused(Reason.NOT_FOUND, f"Slack cannot post to {self._channel!r} ({code}): {todo}")
        return Refused(Reason.DENIED, f"Slack refused the message ({code or answer.status_code})")


def blocks(alert: Alert) -> list[dict[str, Any]]:
    """The message: headline, key, evidence, origin, reason, how to review; within Slack's limits."""
    case, finding = alert.case, alert.findings[-1]
    parts: list[Any] = [
        HeaderBlock(text=headline(alert)[:150]),
        SectionBlock(
            fields=[
                _text(f"*Key*\n{code(case.key_id)}"),
                _text(f"*Tenant*\n{code(case.tenant or '-')}"),
                _text(f"*Risk*\n{case.risk:.2f}"),
                _text(f"*From*\n{code(place(alert) or 'unknown')}"),
            ]
        ),
        SectionBlock(text=_text(_evidence(alert))),
        DividerBlock(),
    ]
    if finding.client or finding.endpoint:
        parts.append(
            SectionBlock(text=_text(f"*Last request* {code(finding.endpoint)} by {code(finding.client)}"))
        )
    review = f"*Review* {code(how_to_review(alert))}"
    if alert.link:
        review += f" or <{alert.link}|open the case>"
    parts.append(SectionBlock(text=_text(review)))
    parts.append(ContextBlock(elements=[_text(f"{escaped(why(alert))[:SECTION_CHARS]}. {_until(alert)}")]))
    return [part.to_dict() for part in parts]


def _evidence(alert: Alert) -> str:
    lines = []
    for finding in alert.findings:
        for e in finding.evidence[:EVIDENCE_SHOWN]:
            lines.append(f"• *{escaped(e.what)}*: {code(e.actual)}, expected {code(e.expected)}")
    return "\n".join(lines)[:SECTION_CHARS] or "no evidence was recorded"


def _until(alert: Alert) -> str:
    if alert.case.suspended and alert.case.expires_ms:
        seconds = alert.case.expires_ms // 1000
        return f"The suspension ends by itself <!date^{seconds}^{{date_short_pretty}} {{time}}|later>."
    return ""


def fallback(alert: Alert) -> str:
    """The text of notifications and of clients without blocks."""
    return escaped(f"{headline(alert)}: {alert.case.key_id} (risk {alert.case.risk:.2f})")


def escaped(text: str) -> str:
    """Slack's own rule: only these three characters carry meaning in text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Text in a code span that nothing in it can leave."""
    plain = "".join(c if c.isprintable() and c != "`" else " " for c in text)[:FIELD_CHARS]
    return f"`{escaped(plain) or '-'}`"


def _text(text: str) -> MarkdownTextObject:
    return MarkdownTextObject(text=text, verbatim=True)
