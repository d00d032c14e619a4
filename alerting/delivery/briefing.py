"""An incident as it stands, made ready to be shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from alerting.incidents.base import IncidentStore
from domain.case import Case, CaseState
from domain.errors import Refused
from domain.ports import Alert, CaseStore

MEMBERS_SHOWN: Final = 40
FINDINGS_SHOWN: Final = 10


class Briefing:
    """``link`` makes a case's address, empty without a console; ``failing`` names what does not deliver."""

    def __init__(
        self,
        incidents: IncidentStore,
        cases: CaseStore,
        link: Callable[[str], str],
        failing: Callable[[], str],
    ) -> None:
        self._incidents = incidents
        self._cases = cases
        self._link = link
        self._failing = failing

    def of(self, incident_id: str) -> Alert | None:
        """Three round trips. None for an incident so long ago that it is forgotten."""
        try:
            incident = self._incidents.get(incident_id)
        except Refused:
            return None
        cases = self._cases.many(self._incidents.members(incident_id, 0, MEMBERS_SHOWN))
        if not cases:
            return None
        first = worst(cases)
        return Alert(
            id=incident.id,
            case=first,
            decision=first.decision,
            findings=first.findings[-FINDINGS_SHOWN:],
            link=self._link(first.id),
            incident=incident,
            others=[case for case in cases if case.id != first.id],
            total=incident.cases,
            failing=self._failing(),
        )


def worst(cases: Sequence[Case]) -> Case:
    """The case to judge first: open before closed, then by action and risk."""
    return max(cases, key=lambda c: (c.state is CaseState.OPEN, c.decision.action.rank, c.risk))
