"""Alerts by mail and by webhook."""

from __future__ import annotations

from typing import Any

import msgspec

from alerting.notifiers.mail import Mailer
from alerting.notifiers.text import lines_of, title_of
from alerting.notifiers.webhook import Webhook
from alerting.notifiers.words import headline
from domain.ports import Alert, Message, Reminder


class MailNotifier:
    """To one address, such as a team's list."""

    def __init__(self, mailer: Mailer, to: str, name: str = "email") -> None:
        self.name = name
        self._mailer = mailer
        self._to = to

    def send(self, message: Message) -> None:
        self._mailer.send(self._to, f"[keywatch] {title_of(message)}", lines_of(message), unique_of(message))


class WebhookNotifier:
    """To a system that reads JSON: type, time and all of the alert."""

    def __init__(self, webhook: Webhook, name: str = "webhook") -> None:
        self.name = name
        self._webhook = webhook

    def send(self, message: Message) -> None:
        self._webhook.post(unique_of(message), _body(message))


def unique_of(message: Message) -> str:
    """The same for the same message sent again, another for what is told anew."""
    match message:
        case Alert():
            incident = message.incident
            return f"{message.id}:{incident.told_ms}:{incident.over}" if incident else message.id
        case Reminder():
            return f"{message.alert.id}:reminder:{message.number}"
        case _:
            return message.id


def _body(message: Message) -> dict[str, Any]:
    if isinstance(message, Reminder):
        return {**_body(message.alert), "type": "incident.reminder", "minutes": message.minutes}
    if isinstance(message, Alert):
        over = message.incident is not None and message.incident.over
        return {
            "type": "incident.closed" if over else "incident.alert",
            "headline": headline(message),
            "link": message.link,
            "incident": msgspec.to_builtins(message.incident),
            "case": msgspec.to_builtins(message.case),
            "other_cases": [case.id for case in message.others],
        }
    return {"type": "notice", "notice": msgspec.to_builtins(message)}
