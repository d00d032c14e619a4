"""What reviewers work with beside cases, as Protocols: the console and Slack know nothing but these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.case import Case, Verdict
from domain.incident import Incident
from domain.picture import KeyPicture
from domain.silence import Silence


class Reviewing(Protocol):
    """People's acts on cases. Each is audited before it happens; ``who`` is a name the audit can keep.

    ``version``, where given, is the case as the person saw it: ``Refused(CONFLICT)`` when it has changed.
    All raise ``Refused(NOT_FOUND)`` for an unknown case and ``Transient`` when a store does not answer.
    """

    def give(
        self, case_id: str, verdict: Verdict, who: str, why: str, *, revoke: bool = False, version: int = 0
    ) -> Case:
        """Close a case, or propose its verdict where policy wants a second person.

        ``revoke`` ends the key for good. Raises ``Refused(ILLEGAL_STATE)`` for a case that is closed,
        ``Refused(DENIED)`` when the proposer is also the second person.
        """

    def comment(self, case_id: str, who: str, text: str) -> Case:
        """Add a line to the timeline; counts as having acted."""

    def ask_rotation(self, case_id: str, who: str, why: str) -> Case:
        """Tell the key's owner to replace it; the case stays open."""

    def end_allowances(self, case_id: str, who: str, why: str) -> Case:
        """What the verdict let pass is watched again."""


@dataclass(frozen=True, slots=True)
class SilencePage:
    """Some silences, newest first; an empty ``cursor`` says there are no more."""

    silences: Sequence[Silence]
    cursor: str


class SilenceStore(Protocol):
    """Silences, with optimistic locking by ``version``; ended ones stay for the record."""

    def get(self, silence_id: str) -> Silence:
        """The silence. Raises ``Refused(NOT_FOUND)``."""

    def active(self, now_ms: int) -> Sequence[Silence]:
        """Those that run now."""

    def page(self, cursor: str = "", limit: int = 50) -> SilencePage:
        """All, newest first."""

    def put(self, silence: Silence) -> None:
        """Write version 1 of a new one, or the next of a known one. Raises ``Refused(CONFLICT)``."""


class Silencing(Protocol):
    """People's acts on silences, audited; creating and widening one is told to the others."""

    def add(self, silence: Silence) -> Silence:
        """Raises ``Rejected`` for one that has no reason, no end, or too late an end."""

    def change(self, silence: Silence, who: str, why: str) -> Silence:
        """Replace the stored one; ``silence.version`` is the version that the person saw."""

    def end(self, silence_id: str, who: str, why: str) -> Silence:
        """End it now."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log. ``hash`` covers the entry and all before it."""

    seq: int
    ts_ms: int
    who: str
    what: str
    key_id: str
    case_id: str
    why: str
    hash: str


class AuditLog(Protocol):
    """The audit log to read."""

    def page(self, before: int = 0, limit: int = 50) -> Sequence[AuditEntry]:
        """Entries below ``before`` (0: from the newest), newest first."""


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """Some incidents, newest first; an empty ``cursor`` says there are no more."""

    incidents: Sequence[Incident]
    cursor: str


class IncidentReader(Protocol):
    """Incidents to read."""

    def get(self, incident_id: str) -> Incident:
        """The incident. Raises ``Refused(NOT_FOUND)``."""

    def members(self, incident_id: str, start: int = 0, limit: int = 50) -> Sequence[str]:
        """Case ids in the order they joined."""

    def page(self, cursor: str = "", limit: int = 50, *, over: bool | None = None) -> IncidentPage:
        """Incidents that are over or not, or all."""


class KeyHistory(Protocol):
    """Where pictures come from. Blocks for a few round trips."""

    def picture(self, key_id: str) -> KeyPicture | None:
        """The key as it is now; None for one never seen. Raises ``Transient``."""


class DeliveryState(StrEnum):
    """``failing``: somebody who should know does not."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Destination:
    """How one destination fares, since this process started. Times are epoch milliseconds."""

    name: str
    delivered: int = 0
    failed: int = 0
    failing_since_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """Whether alerts arrive. ``waiting`` messages are due and not delivered, the oldest for
    ``oldest_s``; ``outbox`` findings are not yet acted on, the oldest's event ``outbox_age_s`` ago.
    """

    state: DeliveryState
    waiting: int
    oldest_s: float
    outbox: int
    outbox_age_s: float
    destinations: Mapping[str, Destination]
