"""Replacing a key without downtime: a successor, a time of grace in which both work, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.errors import Reason, Refused, Rejected
from domain.ports import KeyStatus
from keystore.agenda import CLAIM_S, AgendaItem, Book
from keystore.arguments import check_text, one_line
from keystore.issuing import Issuing, KeySpec
from keystore.notices import rotation_item
from keystore.record import KeyRecord
from keystore.results import Issued
from keystore.token import DEFAULT_PREFIX
from keystore.transitions import KEYWATCH, Change, Verb, apply

DAY_S: Final = 86_400
MAX_GRACE_S: Final = 30 * DAY_S


class Rotating(Issuing):
    """Rotation, and the job that ends graces."""

    def rotate(self, key_id: str, by: str, reason: str = "", grace_s: int = DAY_S) -> Issued:
        """Make a successor with the same owner, scopes, networks, rate limit and length of life.

        Both work for ``grace_s`` seconds, 0 to 30 days, but never past the old key's life; 0 ends the
        old key now, for one that leaked. A suspended key stays suspended meanwhile. The owner is told
        through :meth:`due_notices`. A crash on the way leaves the old key as it was, and at worst a
        successor whose secret nobody has.

        Raises ``Rejected(WRONG_TYPE)`` for the grace, ``Refused``: ``NOT_FOUND``, ``ILLEGAL_STATE`` for a
        key that ended or whose secret lives elsewhere, ``CONFLICT`` for one that has a successor.
        """
        check_text("by", by, required=True)
        if not 0 <= grace_s <= MAX_GRACE_S:
            raise Rejected(Reason.WRONG_TYPE, f"grace: {grace_s} s, must be 0 to {MAX_GRACE_S} (30 days)")
        old, now_ms = self._load(key_id), self._now_ms()
        ends_ms = now_ms + grace_s * 1000
        if old.expires_ms is not None:
            ends_ms = min(ends_ms, old.expires_ms)
        _check_rotatable(old, now_ms)
        issued = self.issue_many([successor_spec(old)], by, predecessor=key_id)[0]
        why = one_line(f"replaced by {issued.key_id}" + (f": {reason}" if reason else ""))
        self._plan(Book.RETIRE, [AgendaItem(ends_ms, key_id, Book.RETIRE)])
        change = Change(Verb.ROTATE, by=by, reason=why, expires_ms=ends_ms, successor=issued.key_id)
        try:
            self._apply(key_id, change)
        except Refused:
            self._apply(issued.key_id, Change(Verb.REVOKE, by=KEYWATCH, reason=f"{key_id} was not rotated"))
            raise
        self._plan(Book.NOTICE, [rotation_item(key_id, now_ms, ends_ms)])
        return issued

    def retire_due(self, limit: int = 100) -> Sequence[KeyStatus]:
        """Write down the end of graces that are over: what this worker did. Any number may run at once.

        Verifications do not wait for it: they refuse a key from the moment its grace is over.
        """
        now_ms = self._now_ms()
        due = self._planned(Book.RETIRE, now_ms, limit)
        mine = [item for item in due if self._claim(Book.RETIRE, item, now_ms + CLAIM_S * 1000)]
        return [status for item in mine if (status := self._retired(item)) is not None]

    def _retired(self, item: AgendaItem) -> KeyStatus | None:
        try:
            record = self._apply(item.key_id, Change(Verb.RETIRE))
        except Refused:
            record = None
        self._strike(Book.RETIRE, item)
        return record.status(self._now_ms()) if record is not None else None


def successor_spec(record: KeyRecord) -> KeySpec:
    """What the successor of this key is to be."""
    ends_ms = record.expires_ms
    return KeySpec(
        tenant=record.tenant,
        owner=record.owner,
        name=record.name,
        prefix=record.prefix or DEFAULT_PREFIX,
        expires_s=None if ends_ms is None else (ends_ms - record.created_ms) // 1000,
        scopes=record.scopes,
        networks=record.networks,
        rate=record.rate,
    )


def _check_rotatable(record: KeyRecord, now_ms: int) -> None:
    """Before a successor is made: what :func:`keystore.transitions.apply` would refuse."""
    if not record.hash:
        raise Refused(
            Reason.ILLEGAL_STATE,
            f"cannot rotate key {record.key_id}: its secret lives elsewhere; rotate it there",
        )
    apply(record, Change(Verb.ROTATE, successor="?", expires_ms=now_ms), now_ms)
