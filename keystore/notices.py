"""What owners are told of their keys ahead of time, and who tells them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Final, Protocol

from domain.ports import KeyState
from keystore.agenda import AgendaItem
from keystore.record import KeyRecord
from keystore.usage import DAY_MS

DAYS_AHEAD: Final = (30, 7, 1)
"""When an owner hears of the end of a key."""


class NoticeKind(StrEnum):
    """What it is about."""

    EXPIRES = "expires"
    """The key ends at ``at_ms``: rotate it before."""
    ROTATED = "rotated"
    """The key was replaced by ``successor`` and works until ``at_ms``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to the owner of a key. ``id`` is the same each time, so that repetitions can be told."""

    id: str
    kind: NoticeKind
    key_id: str
    name: str
    tenant: str
    owner: str
    at_ms: int
    """When the key stops working, epoch milliseconds."""
    successor: str
    due_ms: int
    """When this became due."""


class OwnerNotice(Protocol):
    """The way to an owner: mail, a ticket, a webhook."""

    def send(self, notice: Notice) -> None:
        """Deliver; may come twice. Raises ``Transient`` to be called again later, ``Refused`` to give up."""


class MemoryOwnerNotice:
    """Keeps what was sent, for tests and demos."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self._lock = Lock()

    def send(self, notice: Notice) -> None:
        with self._lock:
            self.sent.append(notice)


def expiry_items(records: Sequence[KeyRecord]) -> Iterator[AgendaItem]:
    """The notices of keys that end; none for a day that is past when the key is made."""
    for record in records:
        for days in DAYS_AHEAD:
            due_ms = (record.expires_ms or 0) - days * DAY_MS
            if due_ms > record.created_ms:
                yield AgendaItem(due_ms, record.key_id, f"{NoticeKind.EXPIRES}:{days}")


def rotation_item(key_id: str, now_ms: int, ends_ms: int) -> AgendaItem:
    """The notice, due now, of a key that was replaced and works until ``ends_ms``."""
    return AgendaItem(now_ms, key_id, f"{NoticeKind.ROTATED}:{ends_ms}")


def notice_for(item: AgendaItem, record: KeyRecord, now_ms: int) -> Notice | None:
    """The message of an agenda item; None when it has lost its sense: the key ended or was replaced, or
    a more urgent notice is due already."""
    name, _, number = item.what.partition(":")
    kind = NoticeKind(name)
    if kind is NoticeKind.EXPIRES and not _matters(record, int(number), now_ms):
        return None
    return Notice(
        id=f"{record.key_id}:{item.what}",
        kind=kind,
        key_id=record.key_id,
        name=record.name,
        tenant=record.tenant,
        owner=record.owner,
        at_ms=int(number) if kind is NoticeKind.ROTATED else record.expires_ms or 0,
        successor=record.successor,
        due_ms=item.due_ms,
    )


def _matters(record: KeyRecord, days: int, now_ms: int) -> bool:
    left_ms = (record.expires_ms or 0) - now_ms
    more_urgent = any(left_ms <= ahead * DAY_MS for ahead in DAYS_AHEAD if ahead < days)
    ended = record.state_at(now_ms) in (KeyState.REVOKED, KeyState.EXPIRED)
    return not (ended or record.successor or more_urgent)
