"""What was done is written into the case and kept with the finding; from now on people are reminded."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as with_

from alerting.delivery.dispatch import Outgoing
from alerting.found import FindingStore
from alerting.stages.handling import Handling
from domain.case import CaseNote
from domain.clock import Clock
from domain.overview import FoundFinding
from domain.ports import CaseStore


class Record:
    """The case tells only of what makes a sound: the findings themselves are in it already."""

    name = "record"

    def __init__(self, cases: CaseStore, out: Outgoing, findings: FindingStore, clock: Clock) -> None:
        self._cases = cases
        self._out = out
        self._findings = findings
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        done = self._told(handling)
        case_id = handling.case.id if handling.case else ""
        found = FoundFinding(handling.finding, handling.decision.action, case_id)
        self._findings.write(found, loud=handling.loud, now_ms=int(self._clock.now() * 1000))
        return done

    def _told(self, handling: Handling) -> Handling:
        case, incident = handling.case, handling.incident
        if not handling.loud or case is None or incident is None:
            return handling
        self._out.remind(incident)
        note = CaseNote(
            ts_ms=int(self._clock.now() * 1000),
            who="keywatch",
            what=f"queued for {', '.join(handling.told) or 'nobody: no destination is set up'}",
            why=handling.because,
        )
        changed = with_(case, version=case.version + 1, timeline=[*case.timeline, note])
        self._cases.put(changed)
        return replace(handling, case=changed)
