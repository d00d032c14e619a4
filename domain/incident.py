"""What one message is about: one key, or all the keys that one cause touches."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from domain.decision import Action, Decision


class Severity(StrEnum):
    """How loud. ``info`` is for notices and digests, ``critical`` wants a person now."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return (Severity.INFO, Severity.WARNING, Severity.CRITICAL).index(self)


def severity_of(decision: Decision) -> Severity:
    """A suspension is critical, also one that was held back: then the key still works."""
    if decision.action is Action.SUSPEND or decision.held_back:
        return Severity.CRITICAL
    return Severity.WARNING if decision.action is Action.ALERT else Severity.INFO


class Scope(StrEnum):
    """What the keys of an incident have in common."""

    KEY = "key"
    NETWORK = "network"
    TENANT = "tenant"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """Cases that one message tells of. Times are epoch milliseconds.

    ``name`` is what the keys share: a key id, a network, or a tenant. ``lead`` is the first case.
    ``cases`` have joined, ``open`` of them wait for a verdict; with none open the incident is over and
    the next finding begins another. ``rank`` is the highest action's, ``told_rank`` and ``told_ms`` are
    of the last message that made a sound. ``version`` grows with every change.
    """

    id: str
    opened_ms: int
    updated_ms: int
    version: int
    scope: Scope
    name: str
    tenant: str
    lead: str
    cases: int
    open: int
    rank: int
    severity: Severity
    told_rank: int = -1
    told_ms: int = 0
    acted_by: str = ""

    @property
    def over(self) -> bool:
        """Nothing is left to decide."""
        return self.open == 0
