"""What the console works with; it knows nothing but these Protocols."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from domain.case import Verdict
from domain.clock import Clock
from domain.desk import (
    AuditLog,
    DeliveryReport,
    IncidentReader,
    KeyHistory,
    Reviewing,
    SilenceStore,
    Silencing,
)
from domain.overview import Backtests, FindingReader, KeyDirectory, Overview, PolicyDesk
from domain.ports import Audit, CaseStore, KeyPeople, KeyStore


@dataclass(frozen=True, slots=True)
class Services:
    """``people`` is None where the key store cannot do what only people do; ``two_person`` names the
    verdicts that need two people; ``audit`` takes logins and refusals.
    """

    cases: CaseStore
    review: Reviewing
    incidents: IncidentReader
    silences: SilenceStore
    silencing: Silencing
    audit: Audit
    audit_log: AuditLog
    history: KeyHistory
    keys: KeyStore
    people: KeyPeople | None
    overview: Overview
    findings: FindingReader
    directory: KeyDirectory
    policy: PolicyDesk
    backtests: Backtests
    delivery: Callable[[], DeliveryReport]
    two_person: Collection[Verdict]
    clock: Clock
