"""Carries out what is on the agenda; several may run, in one process or many.

Whatever fails comes again: soon and then less often while it may pass, every few minutes while only a
person can mend it, and after a day it is given up loudly. Meanwhile the second channel is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from alerting.delivery.agenda import Agenda, Task
from alerting.delivery.briefing import Briefing
from alerting.delivery.dispatch import Dispatch
from alerting.delivery.errands import (
    Act,
    Errand,
    Remind,
    TellIncident,
    TellNotice,
    TellOwner,
    TellReminder,
    destination_of,
    errand_of,
)
from alerting.delivery.health import DeliveryHealth
from domain.clock import Clock
from domain.errors import KeywatchError, Reason, Refused, Transient
from domain.ports import Alert, Notifier, Reminder

LEASE_MS: Final = 120_000
"""Longer than all calls of one errand with all their timeouts."""
BACKOFF_MAX_MS: Final = 300_000
FALLBACK_TRIES: Final = 3
GIVE_UP_MS: Final = 86_400_000


class OwnerWay(Protocol):
    """Tells the owner of a key."""

    def tell(self, errand: TellOwner) -> None:
        """Raises ``Transient`` to be called again, ``Refused`` when this owner cannot be told this way."""


class Carrier(Protocol):
    """Carries out people's acts."""

    def perform(self, act: Act) -> None:
        """Tells the person when it is refused. Raises ``Transient``."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker works with. ``note`` hears of failures: event, destination, error."""

    work: Agenda
    later: Agenda
    briefing: Briefing
    dispatch: Dispatch
    notifiers: Mapping[str, Notifier]
    owners: Mapping[str, OwnerWay]
    acts: Carrier
    health: DeliveryHealth
    note: Callable[[str, str, KeywatchError], None]
    clock: Clock


class Worker:
    """Owned by one thread; blocks while others answer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def run_once(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Do what is due now, or until told to stop. Returns how many errands that were."""
        count = 0
        for agenda in (self._parts.later, self._parts.work):
            while not stopping() and (task := agenda.take(self._now_ms(), LEASE_MS)):
                self._do(agenda, task)
                count += 1
        return count

    def _do(self, agenda: Agenda, task: Task) -> None:
        errand = errand_of(task.item)
        try:
            self._carry(errand)
        except Transient as error:
            self._failed(agenda, task, errand, error)
        except KeywatchError as error:
            self._refused(agenda, task, errand, error)
        else:
            agenda.done(task)
            if isinstance(errand, TellIncident | TellNotice | TellOwner | TellReminder):
                self._parts.health.delivered(destination_of(errand))

    # -- carrying out --------------------------------------------------------------------------------

    def _carry(self, errand: Errand) -> None:
        match errand:
            case TellIncident():
                if alert := self._parts.briefing.of(errand.incident_id):
                    self._notifier(errand.to).send(alert)
            case TellNotice():
                self._notifier(errand.to).send(errand.notice)
            case TellOwner():
                self._owner_way(errand.way).tell(errand)
            case Remind():
                self._remind(errand)
            case TellReminder():
                self._tell_reminder(errand)
            case Act():
                self._parts.acts.perform(errand)

    def _notifier(self, name: str) -> Notifier:
        if name not in self._parts.notifiers:
            raise Refused(Reason.NOT_FOUND, f"{name} is no destination: see `keywatch config check`")
        return self._parts.notifiers[name]

    def _owner_way(self, name: str) -> OwnerWay:
        if name not in self._parts.owners:
            raise Refused(Reason.NOT_FOUND, f"owners are not told by {name} any more")
        return self._parts.owners[name]

    def _remind(self, errand: Remind) -> None:
        alert = self._neglected(errand.incident_id)
        if alert and alert.incident:
            self._parts.dispatch.reminded(alert.incident, errand.number)

    def _tell_reminder(self, errand: TellReminder) -> None:
        if alert := self._neglected(errand.incident_id):
            reminder = Reminder(alert, errand.number, errand.minutes, errand.escalated)
            self._notifier(errand.to).send(reminder)

    def _neglected(self, incident_id: str) -> Alert | None:
        """The incident as it stands, if it is open and nobody has acted on it."""
        alert = self._parts.briefing.of(incident_id)
        if alert is None or alert.incident is None or alert.incident.over or alert.incident.acted_by:
            return None
        return alert

    # -- what did not work ---------------------------------------------------------------------------

    def _failed(self, agenda: Agenda, task: Task, errand: Errand, error: Transient) -> None:
        """It may pass."""
        if error.reason is Reason.CONFLICT:  # another worker has the message: no failure
            agenda.again(task, self._now_ms() + 2_000, failed=False)
            return
        self._note(errand, error)
        if task.tries == FALLBACK_TRIES:
            self._instead(errand)
        asked_ms = int((error.retry_after_s or 0) * 1000)
        self._again(agenda, task, errand, error, max(asked_ms, _backoff_ms(task)))

    def _refused(self, agenda: Agenda, task: Task, errand: Errand, error: KeywatchError) -> None:
        """Only a person can mend it; an owner without an address is nobody's failure."""
        if isinstance(errand, TellOwner | Act | Remind) and isinstance(error, Refused):
            agenda.done(task)
            self._parts.note("not_told", destination_of(errand), error)
            return
        self._note(errand, error)
        if task.tries == 1:
            self._instead(errand)
        self._again(agenda, task, errand, error, BACKOFF_MAX_MS)

    def _again(self, agenda: Agenda, task: Task, errand: Errand, error: KeywatchError, after_ms: int) -> None:
        if self._now_ms() - task.since_ms < GIVE_UP_MS:
            agenda.again(task, self._now_ms() + after_ms)
            return
        agenda.done(task)
        self._parts.note("given_up", destination_of(errand), error)

    def _note(self, errand: Errand, error: KeywatchError) -> None:
        name = destination_of(errand)
        self._parts.note("not_delivered", name, error)
        self._parts.health.failed(name, error)

    def _instead(self, errand: Errand) -> None:
        if isinstance(errand, TellIncident | TellNotice | TellReminder):
            self._parts.dispatch.instead(errand)

    def _now_ms(self) -> int:
        return int(self._parts.clock.now() * 1000)


def _backoff_ms(task: Task) -> int:
    """Doubling, with a jitter from the claim's number so that replicas do not march in step."""
    return int(min(1000 * 2**task.tries, BACKOFF_MAX_MS) * (1 + task.token % 8 / 16))
