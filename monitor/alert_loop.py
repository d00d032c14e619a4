"""The loop of the alert side: read the outbox, act, tell, count what was decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from alerting.pipeline import AlertPipeline
from domain.errors import Fatal, KeywatchError, Reason, Transient
from monitor.health import Rounds
from monitor.logs import Log
from monitor.meter import Meter
from monitor.metrics import DECISIONS, HELD_BACK

POLL_S: Final = 0.2
WAIT_MAX_S: Final = 30.0


class AlertLoop:
    """Runs in one thread. ``sleep`` blocks; ``rounds`` counts what was gone through. ``between`` is called
    before every round, and may give it another ``pipeline``."""

    def __init__(
        self, pipeline: AlertPipeline, meter: Meter, sleep: Callable[[float], None], log: Log
    ) -> None:
        self.pipeline = pipeline
        self.between: Callable[[], None] = lambda: None
        self._meter = meter
        self._sleep = sleep
        self._log = log
        self.rounds = Rounds()

    def run(self, stopping: Callable[[], bool]) -> KeywatchError | None:
        """Until told to stop, or until what it returns: what cannot be mended by waiting."""
        try:
            self._rounds(stopping)
        except KeywatchError as error:
            return error
        except Exception as error:  # a mistake of ours must not end the thread unseen
            return Fatal(Reason.CORRUPT, f"{type(error).__name__}: {error}")
        return None

    def _rounds(self, stopping: Callable[[], bool]) -> None:
        while not stopping():
            self.between()
            try:
                for incident in self.pipeline.run_once(POLL_S, self._wait):
                    self._note(incident)
            except Transient as error:
                self._wait(error)
            self.rounds.polls += 1

    def _wait(self, error: Transient) -> None:
        self._log.warning("alert_waits", reason=error.reason.value, error=str(error))
        self._sleep(min(error.retry_after_s or POLL_S, WAIT_MAX_S))

    def _note(self, incident: Any) -> None:
        finding, decision = incident.finding, incident.decision
        self._meter.add(DECISIONS, 1, finding.detector, decision.action.value)
        if decision.held_back:
            self._meter.add(HELD_BACK)
        self._log.info("incident", key_id=finding.key_id, action=decision.action.value, quiet=incident.quiet)
