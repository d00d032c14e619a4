"""What a reviewer's acts touch, and how they are written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from alerting.delivery.dispatch import Outgoing
from alerting.incidents.base import IncidentStore
from alerting.rules import Rulebook
from domain.case import Case, CaseNote
from domain.clock import Clock
from domain.errors import Reason, Refused, Rejected
from domain.ports import Audit, CaseStore, KeyPeople, KeyStore

TEXT_MAX: Final = 4_000
KEYWATCH: Final = "keywatch"
_TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """``people`` is None where the key store cannot do what only people do."""

    cases: CaseStore
    incidents: IncidentStore
    keys: KeyStore
    people: KeyPeople | None
    audit: Audit
    out: Outgoing
    rules: Rulebook
    clock: Clock

    def now_ms(self) -> int:
        """The clock in epoch milliseconds."""
        return int(self.clock.now() * 1000)

    def noted(self, case: Case, who: str, what: str, why: str, **changes: object) -> Case:
        """The case with one more line in its timeline, stored. Raises ``Refused(CONFLICT)``."""
        note = CaseNote(ts_ms=self.now_ms(), who=who, what=what, why=why)
        changed: Case = replace(case, version=case.version + 1, timeline=[*case.timeline, note], **changes)
        self.cases.put(changed)
        return changed

    def audited(self, case: Case, who: str, what: str, why: str) -> None:
        """Write the audit line of an act on the case that is about to happen."""
        self.audit.write(who=who, what=what, key_id=case.key_id, case_id=case.id, why=why)

    def spoken(self, case_id: str, who: str, what: str, why: str) -> Case:
        """A line in the timeline, whatever else changes at the same moment; counts as having acted."""
        case = self.insisting(case_id, lambda case: self.noted(case, who, what, why))
        self.seen_to(case, who)
        return case

    def insisting(self, case_id: str, change: Callable[[Case], Case]) -> Case:
        """``change`` applied to the newest version, again while others write in between."""
        for _ in range(_TRIES):
            try:
                return change(self.cases.get(case_id))
            except Refused as error:
                if error.reason is not Reason.CONFLICT:
                    raise
        raise Refused(Reason.CONFLICT, f"case {case_id} changes too fast: try again")

    def seen_to(self, case: Case, who: str) -> None:
        """A person has acted on the case: its incident's messages say so, and reminders stop."""
        if not case.incident_id:
            return
        try:
            incident = self.incidents.acted(case.incident_id, who, self.now_ms())
        except Refused:
            return  # an incident of long ago
        self.out.incident(incident, soon=False)
        self.out.calm(incident.id)


def checked_text(text: str) -> str:
    """A reason or comment as it may be kept. Raises ``Rejected``."""
    if not text.strip():
        raise Rejected(Reason.WRONG_TYPE, "say why: the audit and the owner need a reason")
    if len(text) > TEXT_MAX:
        raise Rejected(Reason.TOO_LARGE, f"at most {TEXT_MAX} characters, this has {len(text)}")
    return text.strip()
