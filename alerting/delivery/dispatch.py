"""Puts on the agenda what people must be told. Writes only to Redis, so it cannot be held up by Slack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from alerting.delivery.agenda import Agenda
from alerting.delivery.errands import (
    Act,
    Errand,
    OwnerEvent,
    Remind,
    TellIncident,
    TellNotice,
    TellOwner,
    TellReminder,
    item_of,
)
from alerting.delivery.routes import Routes
from alerting.rules import RemindRules, Rulebook
from domain.case import Case
from domain.clock import Clock
from domain.incident import Incident
from domain.notice import Notice

SETTLE_MS: Final = 3_000
"""A message is brought up to date so long after a change: many changes become one edit, what caused it is
written by then, and Slack's 50 edits a minute are not reached."""


class Outgoing(Protocol):
    """What stages and reviewers ask for. Each may be asked again: it is done once."""

    def incident(self, incident: Incident, *, soon: bool = True) -> list[str]:
        """Bring its messages up to date; answers the destinations."""

    def remind(self, incident: Incident) -> None:
        """Start the reminders."""

    def calm(self, incident_id: str) -> None:
        """Somebody has acted: no more reminders."""

    def owner(self, case: Case, event: OwnerEvent, why: str) -> None:
        """Tell the key's owner."""

    def notice(self, notice: Notice) -> None:
        """Tell people of something that is no incident."""

    def act(self, act: Act) -> None:
        """Carry it out as soon as a worker is free."""


class Dispatch:
    """``work`` is done at once, ``later`` holds reminders. ``owner_ways`` are the ways set up."""

    def __init__(
        self,
        work: Agenda,
        later: Agenda,
        routes: Routes,
        rules: Rulebook,
        owner_ways: Sequence[str],
        clock: Clock,
    ) -> None:
        self._work = work
        self._later = later
        self._routes = routes
        self._rulebook = rules
        self._owner_ways = tuple(owner_ways)
        self._clock = clock

    @property
    def _rules(self) -> RemindRules:
        return self._rulebook.remind

    def incident(self, incident: Incident, *, soon: bool = True) -> list[str]:
        to = self._routes.to(incident.severity, incident.tenant, incident.name)
        for name in to:
            self._put(TellIncident(incident_id=incident.id, to=name), 0 if soon else SETTLE_MS)
        return to

    def remind(self, incident: Incident) -> None:
        if incident.severity.rank >= self._rules.severity.rank and not incident.acted_by:
            self.remind_again(incident.id, 1, int(self._clock.now() * 1000))

    def remind_again(self, incident_id: str, number: int, since_ms: int) -> None:
        """Put the ``number``-th reminder, if policy has so many; minutes count from ``since_ms``."""
        if number > len(self._rules.after_minutes):
            return
        due_ms = since_ms + self._rules.after_minutes[number - 1] * 60_000
        item = item_of(Remind(incident_id=incident_id, number=number))
        self._later.put(item, due_ms, int(self._clock.now() * 1000))

    def reminded(self, incident: Incident, number: int) -> None:
        """Nobody has acted: tell the destinations again, with the last reminder also those to escalate to."""
        rules = self._rules
        if number > len(rules.after_minutes):
            return  # policy has fewer of them by now
        escalated = number == len(rules.after_minutes)
        to = self._routes.to(incident.severity, incident.tenant, incident.name)
        if escalated:
            to = list(dict.fromkeys([*to, *self._routes.escalate]))
        for name in to:
            self._put(TellIncident(incident_id=incident.id, to=name))
            self._put(
                TellReminder(
                    incident_id=incident.id,
                    number=number,
                    minutes=rules.after_minutes[number - 1],
                    to=name,
                    escalated=escalated,
                )
            )
        self.remind_again(incident.id, number + 1, incident.told_ms)

    def instead(self, errand: TellIncident | TellNotice | TellReminder) -> None:
        """Its destination does not take it: try the second channel as well."""
        for name in self._routes.fallback:
            if name != errand.to:
                self._put(replace(errand, to=name))

    def calm(self, incident_id: str) -> None:
        for number in range(1, len(self._rules.after_minutes) + 1):
            self._later.cancel(item_of(Remind(incident_id=incident_id, number=number)))

    def owner(self, case: Case, event: OwnerEvent, why: str) -> None:
        self.owner_of(case.key_id, event, why, case.expires_ms, case.id)

    def owner_of(
        self, key_id: str, event: OwnerEvent, why: str, ends_ms: int | None, case_id: str = ""
    ) -> None:
        """Tell a key's owner of what may be no case; ``ends_ms``: when the suspension or the key ends."""
        for way in self._owner_ways:
            told = TellOwner(
                case_id=case_id, key_id=key_id, event=event, why=why, way=way, expires_ms=ends_ms
            )
            self._put(told)

    def notice(self, notice: Notice) -> None:
        for name in self._routes.to(notice.severity, notice.tenant, notice.key_id):
            self._put(TellNotice(notice=notice, to=name))

    def act(self, act: Act) -> None:
        self._put(act)

    def _put(self, errand: Errand, after_ms: int = 0) -> None:
        now_ms = int(self._clock.now() * 1000)
        self._work.put(item_of(errand), now_ms + after_ms, now_ms)
