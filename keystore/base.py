"""What every store of ours does alike: the port and the life of a key, over a few primitives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from domain.clock import Clock
from domain.errors import Fatal, Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState, KeyStatus
from domain.secret import Secret
from keystore import token
from keystore.arguments import check_key_id, check_lifetime, check_limit, check_scopes, check_text, one_line
from keystore.hashing import Peppers, same_digest
from keystore.listing import read_page
from keystore.record import HistoryEntry, KeyDetails, KeyRecord
from keystore.results import DueExpiry, Issued, KeyPage, NotAccepted, unknown_key
from keystore.transitions import Change, Verb

YEAR_S: Final = 365 * 86_400
"""A key nobody thinks of again ends by itself."""

Draft = tuple[str, str, str]
"""Key id, tenant and owner of a key to import."""


class BaseKeyStore(ABC):
    """The key store port, and issuing, verifying, listing and people's own acts.

    Every act may be repeated after a lost reply and answers the same. Without ``peppers``, keys can be
    imported and suspended but not issued or verified (``Fatal(CONFIG)``).
    """

    def __init__(self, clock: Clock, peppers: Peppers | None) -> None:
        self._clock = clock
        self._peppers = peppers

    # -- the port ------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """Reversible, key by key, and at once: :meth:`verify` reads the record each time."""
        return Capabilities(reversible=True, granularity=Granularity.KEY, propagation_s=0.0)

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

    def issue(
        self,
        tenant: str,
        owner: str,
        name: str,
        prefix: str = token.DEFAULT_PREFIX,
        expires_s: int | None = YEAR_S,
        scopes: Sequence[str] = (),
    ) -> Issued:
        """Make a key. ``expires_s`` seconds from now it ends; None is never.

        Raises ``Rejected`` for a value that cannot be stored, ``Fatal(CONFIG)`` without peppers.
        """
        for what, text in (("tenant", tenant), ("owner", owner), ("name", name)):
            check_text(what, text)
        check_scopes(scopes)
        check_lifetime(expires_s)
        peppers, now_ms, secret = self._need_peppers(), self._now_ms(), token.generate(prefix)
        record = KeyRecord(
            key_id=token.new_key_id(),
            created_ms=now_ms,
            tenant=tenant,
            owner=owner,
            name=name,
            prefix=prefix,
            hash=peppers.digest(secret),
            pepper_version=peppers.current,
            expires_ms=None if expires_s is None else now_ms + expires_s * 1000,
            scopes=tuple(scopes),
        )
        self._create([record])
        return Issued(record.key_id, secret, record.expires_ms)

    def import_external(self, key_id: str, tenant: str, owner: str) -> KeyStatus:
        """Register a key whose secret lives elsewhere. Doing it again answers its status.

        Raises ``Rejected(BAD_KEY_ID)``, and ``Refused(CONFLICT)`` if the id belongs to another.
        """
        return self.import_many([(key_id, tenant, owner)])[0]

    def import_many(self, drafts: Iterable[Draft]) -> Sequence[KeyStatus]:
        """:meth:`import_external` for many keys in few round trips. Ids before a conflict stay imported."""
        now_ms = self._now_ms()
        records = []
        for key_id, tenant, owner in drafts:
            check_key_id(key_id)
            check_text("tenant", tenant)
            check_text("owner", owner)
            records.append(KeyRecord(key_id=key_id, created_ms=now_ms, tenant=tenant, owner=owner))
        return [record.status(now_ms) for record in self._create(records)]

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

    # -- requests ------------------------------------------------------------------------------------

    def verify(self, secret_text: str) -> KeyStatus:
        """Who is calling: the status of the key with this secret.

        A suspension that ran out stops nothing, even before its expiry was carried out. Cost: none for
        text that no keywatch issued, else two round trips.

        Raises ``Refused(NOT_FOUND)`` for no key of ours, :class:`NotAccepted` (``DENIED``) for a key that
        is suspended, revoked or expired.
        """
        peppers = self._need_peppers()
        record = self._find(peppers.digests(Secret(secret_text))) if token.checksum_ok(secret_text) else None
        if record is None:
            raise Refused(Reason.NOT_FOUND, "not a key of this store: check that it was copied whole")
        status = record.accepted_status(self._now_ms())
        if status.state not in (KeyState.ACTIVE, KeyState.RETIRING):
            raise NotAccepted(status)
        return status

    def _find(self, digests: Mapping[int, str]) -> KeyRecord | None:
        key_id = self._find_id(list(digests.values()))
        record = self._load_many([key_id])[0] if key_id is not None else None
        if record is None or not same_digest(record.hash, digests.get(record.pepper_version, "")):
            return None
        return record

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

    # -- primitives ----------------------------------------------------------------------------------

    @abstractmethod
    def _create(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        """Store new keys with their indexes; a key that is there already, and the same, is answered.

        Raises ``Refused(CONFLICT)``.
        """

    @abstractmethod
    def _load_many(self, key_ids: Sequence[str]) -> Sequence[KeyRecord | None]:
        """Records in the order asked."""

    @abstractmethod
    def _find_id(self, digests: Sequence[str]) -> str | None:
        """The key id under the first digest that is known."""

    @abstractmethod
    def _listed(self, cursor: str, limit: int) -> Sequence[str]:
        """Up to ``limit`` members of the listing below ``cursor`` ("" for the top), falling."""

    @abstractmethod
    def _apply(self, key_id: str, change: Change) -> KeyRecord:
        """Change the key by the rules of :mod:`keystore.transitions`, atomically. Raises ``Refused``."""

    @abstractmethod
    def _schedule(self, due: DueExpiry, *, postpone: bool = False) -> None:
        """Have the suspension looked at when it is due: the earlier time wins, unless ``postpone``."""

    @abstractmethod
    def _unschedule(self, key_id: str, case_id: str) -> None:
        """Forget it."""

    def _load(self, key_id: str) -> KeyRecord:
        record = self._load_many([key_id])[0]
        if record is None:
            raise unknown_key(key_id)
        return record

    def _changed(self, key_id: str, change: Change) -> KeyStatus:
        return self._apply(key_id, change).status(self._now_ms())

    def _need_peppers(self) -> Peppers:
        if self._peppers is None:
            raise Fatal(Reason.CONFIG, "no pepper: set keystore.pepper_file to issue or verify keys")
        return self._peppers

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
