"""For channels that cannot edit: one message a loud moment, whoever sends and however often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from alerting.delivery.book import MessageBook, Standing
from domain.clock import Clock
from domain.errors import Reason, Transient
from domain.notice import Notice
from domain.ports import Alert, Message, Notifier, Reminder

LEASE_MS: Final = 120_000


class Once:
    """Sends an alert again only when it became worse, or when it is over; a notice and each reminder once.

    A crash between sending and recording sends it again: such channels carry an id to know it by.
    """

    def __init__(self, inner: Notifier, book: MessageBook, clock: Clock) -> None:
        self.name = inner.name
        self._inner = inner
        self._book = book
        self._clock = clock

    def send(self, message: Message) -> None:
        match message:
            case Alert():
                told_ms = message.incident.told_ms if message.incident else 1
                over = message.incident is not None and message.incident.over
                self._claimed(message.id, message, lambda known: _alert_due(known, told_ms, over))
            case Reminder():
                self._claimed(f"{message.alert.id}:reminder:{message.number}", message, _never_told)
            case Notice():
                self._claimed(message.id, message, _never_told)

    def _claimed(self, message_id: str, message: Message, due: Callable[[Standing], Standing | None]) -> None:
        book_id, now_ms = f"{message_id}@{self.name}", int(self._clock.now() * 1000)
        standing = self._book.claim(book_id, now_ms, LEASE_MS)
        if standing is None:
            raise Transient(Reason.CONFLICT, f"another worker has the message of {message_id}", 2.0)
        try:
            if after := due(standing):
                self._inner.send(message)
                self._book.write(book_id, after)
        finally:
            self._book.release(book_id, standing)


def _never_told(known: Standing) -> Standing | None:
    return replace(known, told_ms=1) if not known.told_ms else None


def _alert_due(known: Standing, told_ms: int, over: bool) -> Standing | None:
    if told_ms > known.told_ms:
        return replace(known, told_ms=told_ms, digest="over" if over else "open")
    if over and known.told_ms and known.digest != "over":
        return replace(known, digest="over")
    return None
