"""What keywatch needs of the world, as Protocols; concrete classes meet only in ``monitor.wiring``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.case import Case, CaseState
from domain.decision import Decision
from domain.finding import Finding
from domain.incident import Incident
from domain.notice import Notice

# --- key stores ---------------------------------------------------------------------------------


class KeyState(StrEnum):
    """Where a key is in its life; only ``active`` and ``retiring`` keys are accepted."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRING = "retiring"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Granularity(StrEnum):
    """How much a suspension stops: one key, or all of a consumer's."""

    KEY = "key"
    CONSUMER = "consumer"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a key store can do. ``propagation_s``: how long a stopped key may still be accepted.

    ``undo_within_s``: a suspension older than this can no longer be undone; None is never. ``revokes``:
    whether a person may end a key for good from here.
    """

    reversible: bool
    granularity: Granularity
    propagation_s: float
    undo_within_s: float | None = None
    revokes: bool = False


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A key as its store describes it. ``case_id`` is set while it is suspended by us."""

    key_id: str
    state: KeyState
    case_id: str = ""
    reason: str = ""
    tenant: str = ""
    owner: str = ""
    expires_ms: int | None = None
    """When a suspension ends by itself, epoch milliseconds."""


class KeyStore(Protocol):
    """A place that can stop a key by its id.

    All calls block for one or a few round trips, and are idempotent per ``case_id``.
    Raises ``Refused(NOT_FOUND)`` for an unknown id, ``Refused(NOT_OURS)`` when a person, not
    keywatch, suspended the key, ``Refused(ILLEGAL_STATE)`` for a revoked or expired key,
    ``Transient`` when the store did not answer, ``Fatal(CREDENTIALS)`` when it does not know us.
    """

    def capabilities(self) -> Capabilities:
        """What this store can do; constant, no I/O."""

    def describe(self, key_id: str) -> KeyStatus:
        """The key's state now."""

    def suspend(self, key_id: str, *, case_id: str, reason: str, expires_ms: int | None) -> KeyStatus:
        """Stop the key. Doing it again for the same case answers the same status."""

    def reinstate(self, key_id: str, *, case_id: str) -> KeyStatus:
        """Undo our suspension for this case; a key already active through it answers its status."""


class KeyPeople(Protocol):
    """What only people do to keys; stores that cannot do it lack it. Idempotent; raises as a key store."""

    def suspend_manually(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """Stop the key until a person lets it go; a case that held it no longer does."""

    def revoke(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """End the key for good."""


# --- alerts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A finding that was committed and waits to be acted on. ``token`` acknowledges it."""

    finding: Finding
    token: str


class Outbox(Protocol):
    """Committed findings, delivered at least once, oldest first within a partition."""

    def read(self, limit: int, block_s: float) -> Sequence[OutboxEntry]:
        """Up to ``limit`` entries; waits at most ``block_s`` for the first."""

    def ack(self, entries: Sequence[OutboxEntry]) -> None:
        """Done with these; they are never read again."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a notifier shows of an incident, as it stands now.

    ``id`` is stable over the incident's life, so that a notifier can edit rather than repeat. ``case`` is
    the one to judge first, ``others`` are up to a few more of ``total``; ``findings`` are the newest of
    ``case``. ``failing`` names the destinations that did not take it.
    """

    id: str
    case: Case
    decision: Decision
    findings: Sequence[Finding] = field(default_factory=tuple)
    link: str = ""
    incident: Incident | None = None
    others: Sequence[Case] = field(default_factory=tuple)
    total: int = 1
    failing: str = ""


@dataclass(frozen=True, slots=True)
class Reminder:
    """Nobody has acted on ``alert`` for ``minutes``. ``number`` counts from 1."""

    alert: Alert
    number: int
    minutes: int
    escalated: bool = False


Message = Alert | Reminder | Notice


class Notifier(Protocol):
    """Tells people. ``send`` returns when the other side has accepted the message."""

    name: str

    def send(self, message: Message) -> None:
        """Deliver once; an alert that was sent before is brought up to date instead.

        Raises ``Transient`` to be called again later, ``Refused`` when the other side will not take it.
        """


@dataclass(frozen=True, slots=True)
class CaseQuery:
    """Which cases, newest first, from where ``cursor`` left off. ``tenant`` is exact."""

    state: CaseState | None = None
    key_id: str = ""
    tenant: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class CasePage:
    """Some cases. An empty ``cursor`` says there are no more; a page may be short."""

    cases: Sequence[Case]
    cursor: str


@dataclass(frozen=True, slots=True)
class Score:
    """How a detector's findings fared with people: cases confirmed, called false, merely let go."""

    confirmed: int = 0
    false_positive: int = 0
    reinstated: int = 0

    @property
    def precision(self) -> float | None:
        """Confirmed of those judged, 0 to 1; None while nobody has judged."""
        judged = self.confirmed + self.false_positive
        return self.confirmed / judged if judged else None


class CaseStore(Protocol):
    """Cases, with optimistic locking by ``version``."""

    def get(self, case_id: str) -> Case:
        """The case. Raises ``Refused(NOT_FOUND)``."""

    def many(self, case_ids: Sequence[str]) -> Sequence[Case]:
        """Those that exist, in the order asked; one round trip."""

    def open_for_key(self, key_id: str) -> Case | None:
        """The key's open case, if it has one; a key has at most one."""

    def list(self, state: CaseState | None = None, limit: int = 100) -> Sequence[Case]:
        """Newest first."""

    def page(self, query: CaseQuery) -> CasePage:
        """Newest first; a few round trips whatever the number of cases. ``Rejected`` for a bad cursor."""

    def counts(self) -> Mapping[CaseState, int]:
        """How many cases are in each state."""

    def due(self, now_ms: int, limit: int = 100) -> Sequence[Case]:
        """Open cases whose suspension has run out, the longest due first."""

    def allowing(self, now_ms: int) -> Sequence[Case]:
        """Cases with an allowance that still runs."""

    def precision(self, key_id: str = "") -> Mapping[str, Score]:
        """Each detector's record with people's verdicts, on one key or on all."""

    def put(self, case: Case) -> None:
        """Write a case whose ``version`` is one more than the stored one (1 for a new case).

        With a verdict, its detectors' scores are counted in the same write. Raises ``Refused(CONFLICT)``
        when somebody else wrote in between, or opened another case for the key.
        """


class Audit(Protocol):
    """Who did what to which key. No audit, no suspension: a failed write stops the act."""

    def write(self, *, who: str, what: str, key_id: str, case_id: str, why: str) -> None:
        """Append one line. Raises ``Transient`` when it could not be stored."""
