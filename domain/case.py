"""What a person reviews: one suspension or incident, its evidence and its verdict."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from domain.decision import Decision
from domain.finding import Finding


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


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One incident on one key. ``version`` grows by one at every change (optimistic locking).

    ``suspended`` says whether keywatch itself suspended the key for this case: only then does a
    reinstatement touch the key store. Times are epoch milliseconds.
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
