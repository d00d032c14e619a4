"""The life of a key: the port, people's own acts, what happened, and suspensions that run out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

from domain.errors import Refused
from domain.ports import Capabilities, Granularity, KeyState, KeyStatus
from keystore.arguments import check_limit, check_text, one_line
from keystore.listing import read_page
from keystore.primitives import Primitives
from keystore.record import HistoryEntry, KeyDetails
from keystore.results import DueExpiry, KeyPage
from keystore.transitions import Change, Verb

EACH_PAGE: Final = 500


class Lifecycle(Primitives):
    """Stops keys and lets them go, and shows them."""

    # -- the port ------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """Reversible, key by key, and at once: :meth:`verify` reads the record each time."""
        return Capabilities(reversible=True, granularity=Granularity.KEY, propagation_s=0.0, revokes=True)

    def describe(self, key_id: str) -> KeyStatus:
        """The key as it stands; a suspension that ran out shows until its expiry was carried out."""
        return self._load(key_id).status(self._now_ms())

    def suspend(self, key_id: str, *, case_id: str, reason: str, expires_ms: int | None) -> KeyStatus:
        """Stop the key for a case. Raises ``Refused(CONFLICT)`` while another case holds the key, and
        for a case that was ended before: a late repetition does not undo a reinstatement.

        The expiry is scheduled first, so that no crash leaves a suspension that nobody ends.
        """
        check_text("case id", case_id, required=True)
        self._load(key_id)
        if expires_ms is not None:
            self._schedule(DueExpiry(expires_ms, key_id, case_id))
        return self._changed(
            key_id, Change(Verb.SUSPEND, case_id, reason=one_line(reason), expires_ms=expires_ms)
        )

    def reinstate(self, key_id: str, *, case_id: str) -> KeyStatus:
        """Undo the suspension of this case, and no other."""
        check_text("case id", case_id, required=True)
        return self._changed(key_id, Change(Verb.REINSTATE, case_id))

    # -- people --------------------------------------------------------------------------------------

    def suspend_manually(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """A person stops the key until a person lets it go; a case that held it no longer does."""
        check_text("by", by, required=True)
        return self._changed(key_id, Change(Verb.SUSPEND_MANUALLY, by=by, reason=one_line(reason)))

    def reinstate_manually(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """A person lets the key go, whoever held it.

        Raises ``Refused(CONFLICT)`` when the holder changed while this ran: look again, then decide.
        """
        check_text("by", by, required=True)
        seen = self._load(key_id).case_id
        return self._changed(key_id, Change(Verb.REINSTATE_MANUALLY, seen, by=by, reason=one_line(reason)))

    def revoke(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """End the key for good."""
        check_text("by", by, required=True)
        return self._changed(key_id, Change(Verb.REVOKE, by=by, reason=one_line(reason)))

    def details(self, key_id: str) -> KeyDetails:
        """The key with its description."""
        return self._load(key_id).details(self._now_ms())

    def list(self, state: KeyState | None = None, cursor: str = "", limit: int = 100) -> KeyPage:
        """Keys in a state, newest first, from where ``cursor`` left off. ``limit`` is 1 to 1000.

        Cost: one read of 16 indexes and of ``limit`` records a page, up to 20 such pages when few keys
        are in ``state``; then the page is short or empty, and its cursor goes on.
        """
        check_limit(limit)
        return read_page(self._listed, self._load_many, state, cursor, limit, self._now_ms())

    def every_key(self) -> Iterator[KeyDetails]:
        """All keys, newest first, 500 at a time; one made meanwhile may be missed, none comes twice."""
        cursor, more = "", True
        while more:
            page = self.list(None, cursor, EACH_PAGE)
            yield from page.keys
            cursor, more = page.cursor, bool(page.cursor)

    # -- the expiry job ------------------------------------------------------------------------------

    def expire_suspension(self, key_id: str, case_id: str) -> KeyStatus:
        """End the suspension if this case still holds the key and its time is over; else change nothing.

        Either way the schedule is put right. Raises ``Refused(NOT_FOUND)`` for a key that is gone.
        """
        try:
            record = self._apply(key_id, Change(Verb.EXPIRE, case_id))
        except Refused:
            self._unschedule(key_id, case_id)
            raise
        if record.case_id == case_id and record.suspension_expires_ms is not None:
            self._schedule(DueExpiry(record.suspension_expires_ms, key_id, case_id), postpone=True)
        else:
            self._unschedule(key_id, case_id)
        return record.status(self._now_ms())

    @abstractmethod
    def due_expiries(self, now_ms: int, limit: int = 100) -> Sequence[DueExpiry]:
        """Suspensions to pass to :meth:`expire_suspension`, the longest due first."""

    @abstractmethod
    def history(self, key_id: str, limit: int = 50) -> Sequence[HistoryEntry]:
        """What happened to the key, newest first; about the last 1000 changes are kept."""
