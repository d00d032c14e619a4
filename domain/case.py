"""What a person reviews: one suspension or incident, its evidence and its verdict."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from domain.allowance import Allowance
from domain.decision import Decision
from domain.finding import Finding
from domain.picture import KeyPicture


class CaseState(StrEnum):
    """``open`` until somebody gives a verdict or the suspension expires."""

    OPEN = "open"
    REINSTATED = "reinstated"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"


class Verdict(StrEnum):
    """What the reviewer says."""

    REINSTATE = "reinstate"
    CONFIRM = "confirm"
    FALSE_POSITIVE = "false_positive"


class CaseNote(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a case's timeline: who did what, when and why. ``ts_ms`` is wall-clock time."""

    ts_ms: int
    who: str
    what: str
    why: str = ""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that is not carried out yet: it waits for a second person, or is being carried out."""

    verdict: Verdict
    who: str
    why: str
    at_ms: int
    revoke: bool = False


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One incident on one key. ``version`` grows by one at every change (optimistic locking).

    ``suspended`` says whether keywatch itself suspended the key for this case: only then does a
    reinstatement touch the key store. At ``expires_ms`` it closes by itself, and its suspension ends.
    Times are epoch milliseconds. The findings, with the request
    that each was made on, and ``picture``, the key as it was when the case opened, are the frozen
    evidence; ``allowances`` are what a false-positive verdict lets pass.
    """

    id: str
    key_id: str
    tenant: str
    state: CaseState
    opened_ms: int
    version: int
    decision: Decision
    risk: float
    findings: list[Finding]
    suspended: bool = False
    expires_ms: int | None = None
    closed_ms: int | None = None
    timeline: list[CaseNote] = []
    incident_id: str = ""
    verdict: Verdict | None = None
    revoked: bool = False
    """The verdict ended the key for good."""
    proposal: Proposal | None = None
    """The first of two people's verdicts, where policy wants two."""
    deciding: Proposal | None = None
    """Somebody's verdict is being carried out: others wait."""
    allowances: list[Allowance] = []
    picture: KeyPicture | None = None
