"""Tell people, through every notifier; record it only after it was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerting.memory import AlertMemory
from alerting.stages.incident import Incident
from domain.clock import Clock
from domain.errors import KeywatchError, Transient
from domain.ports import Alert, Notifier


class Notify:
    """One failing notifier does not stop the others; if one may work later, the finding comes again."""

    name = "notify"

    def __init__(
        self,
        notifiers: Sequence[Notifier],
        memory: AlertMemory,
        clock: Clock,
        link: Callable[[str], str],
        failed: Callable[[str, KeywatchError], None],
    ) -> None:
        self._notifiers = notifiers
        self._memory = memory
        self._clock = clock
        self._link = link
        self._failed = failed
        self._told: set[tuple[str, str]] = set()
        """Who has been told of a finding that another notifier still waits for."""

    def __call__(self, incident: Incident) -> Incident:
        if incident.quiet or incident.case is None:
            return incident
        alert = Alert(
            id=f"{incident.case.id}:{incident.decision.action.value}",
            case=incident.case,
            decision=incident.decision,
            findings=(incident.finding,),
            link=self._link(incident.case.id),
        )
        waiting: Transient | None = None
        for notifier in self._notifiers:
            told = (notifier.name, incident.finding.id)
            if told in self._told:
                continue
            try:
                notifier.send(alert)
                self._told.add(told)
                incident = incident.noted(f"told {notifier.name}")
            except Transient as error:
                waiting = error
                self._failed(notifier.name, error)
            except KeywatchError as error:
                self._failed(notifier.name, error)
                incident = incident.noted(f"{notifier.name} refused: {error}")
        if waiting:
            raise waiting
        self._told -= {(notifier.name, incident.finding.id) for notifier in self._notifiers}
        now_ms = int(self._clock.now() * 1000)
        self._memory.sent(incident.finding.key_id, incident.decision.action.rank, now_ms)
        return incident
