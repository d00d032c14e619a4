"""Telling owners: which notices are due, and the job that sends them."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import Refused
from keystore.agenda import CLAIM_S, AgendaItem, Book
from keystore.notices import Notice, OwnerNotice, notice_for
from keystore.primitives import Primitives


class Noticing(Primitives):
    """Notices of keys that end soon or were rotated: at least once each, by one worker at a time."""

    def due_notices(self, limit: int = 100) -> Sequence[Notice]:
        """What owners should hear now, the longest due first; what lost its sense is forgotten."""
        now_ms = self._now_ms()
        items = self._planned(Book.NOTICE, now_ms, limit)
        records = self._load_many([item.key_id for item in items])
        notices = []
        for item, record in zip(items, records, strict=True):
            notice = notice_for(item, record, now_ms) if record is not None else None
            if notice is None:
                self._strike(Book.NOTICE, item)
            else:
                notices.append(notice)
        return notices

    def claim_notice(self, notice: Notice) -> bool:
        """Take it for five minutes; False when another worker has it."""
        return self._claim(Book.NOTICE, _item(notice), self._now_ms() + CLAIM_S * 1000)

    def notice_sent(self, notice: Notice) -> None:
        """It needs no sending any more."""
        self._strike(Book.NOTICE, _item(notice))

    def tell_owners(self, port: OwnerNotice, limit: int = 100) -> Sequence[Notice]:
        """Send what is due: what was sent. A notice that is refused is given up.

        Raises ``Transient`` at the first that could not be sent: it stays due in five minutes, the rest
        at once.
        """
        sent = []
        for notice in self.due_notices(limit):
            if not self.claim_notice(notice):
                continue
            try:
                port.send(notice)
                sent.append(notice)
            except Refused:
                pass
            self.notice_sent(notice)
        return sent


def _item(notice: Notice) -> AgendaItem:
    return AgendaItem(notice.due_ms, notice.key_id, notice.id.removeprefix(f"{notice.key_id}:"))
