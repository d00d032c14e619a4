"""What keywatch needs of the world, as Protocols; concrete classes meet only in ``monitor.wiring``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.case import Case, CaseState
from domain.decision import Decision
from domain.finding import Finding

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

    ``undo_within_s``: a suspension older than this can no longer be undone; None is never.
    """

    reversible: bool
    granularity: Granularity
    propagation_s: float
    undo_within_s: float | None = None


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
    """What a notifier shows. ``id`` is stable, so that a notifier can edit rather than repeat."""

    id: str
    case: Case
    decision: Decision
    findings: Sequence[Finding] = field(default_factory=tuple)
    link: str = ""


class Notifier(Protocol):
    """Tells people. ``send`` returns when the other side has accepted the message."""

    name: str

    def send(self, alert: Alert) -> None:
        """Deliver once. Raises ``Transient`` to be called again later, ``Refused`` to give up."""


class CaseStore(Protocol):
    """Cases, with optimistic locking by ``version``."""

    def get(self, case_id: str) -> Case:
        """The case. Raises ``Refused(NOT_FOUND)``."""

    def open_for_key(self, key_id: str) -> Case | None:
        """The key's open case, if it has one; a key has at most one."""

    def list(self, state: CaseState | None = None, limit: int = 100) -> Sequence[Case]:
        """Newest first."""

    def put(self, case: Case) -> None:
        """Write a case whose ``version`` is one more than the stored one (1 for a new case).

        Raises ``Refused(CONFLICT)`` when somebody else wrote in between.
        """


class Audit(Protocol):
    """Who did what to which key. No audit, no suspension: a failed write stops the act."""

    def write(self, *, who: str, what: str, key_id: str, case_id: str, why: str) -> None:
        """Append one line. Raises ``Transient`` when it could not be stored."""
