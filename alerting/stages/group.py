"""One incident for all that one cause touches; the case remembers which."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as with_

from alerting.incidents.base import Grouping, IncidentStore, Joining
from alerting.stages.handling import Handling
from domain.case import Case
from domain.clock import Clock
from domain.desk import KeyHistory
from domain.errors import KeywatchError
from domain.incident import Incident, severity_of
from domain.picture import KeyPicture
from domain.ports import CaseStore


class Group:
    """Also freezes the key's picture in its case: after containment, as it takes a few round trips."""

    name = "group"

    def __init__(
        self,
        incidents: IncidentStore,
        grouping: Grouping,
        cases: CaseStore,
        history: KeyHistory | None,
        clock: Clock,
    ) -> None:
        self._incidents = incidents
        self._grouping = grouping
        self._cases = cases
        self._history = history
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        case = handling.case
        if case is None:
            return handling
        joining = Joining(
            finding=handling.finding,
            case=case,
            rank=handling.decision.action.rank,
            severity=severity_of(handling.decision),
            now_ms=int(self._clock.now() * 1000),
        )
        incident = self._incidents.join(joining, self._grouping)
        return replace(handling, incident=incident, case=self._remembered(case, incident))

    def _remembered(self, case: Case, incident: Incident) -> Case:
        if case.incident_id == incident.id:
            return case
        picture = case.picture or self._picture(case.key_id)
        changed = with_(case, version=case.version + 1, incident_id=incident.id, picture=picture)
        self._cases.put(changed)
        return changed

    def _picture(self, key_id: str) -> KeyPicture | None:
        """Evidence that nothing rests on: without it the case still tells what was found."""
        try:
            return self._history.picture(key_id) if self._history else None
        except KeywatchError:
            return None
