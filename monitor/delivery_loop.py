"""The workers that tell people, in threads of their own, and the periodic work beside them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from domain.errors import KeywatchError, Transient
from monitor.jobs import Jobs, Lease
from monitor.logs import Log
from monitor.wiring_alerting import Alerting
from monitor.wiring_slack import slack_listener

WORKERS: Final = 2
"""So that one slow destination does not hold up all others."""
IDLE_S: Final = 0.3
TROUBLED_S: Final = 2.0
DIGEST_EVERY_S: Final = 300.0
EXPIRE_EVERY_S: Final = 30.0
LEASE_S: Final = 300.0
STOP_S: Final = 20.0


class DeliveryLoop:
    """Between :meth:`start` and :meth:`stop`; what is not told by then waits in Redis."""

    def __init__(self, alerting: Alerting, sleep: Callable[[float], None], log: Log) -> None:
        """Raises ``Fatal`` for settings of Slack that do not fit together."""
        self._alerting = alerting
        self._sleep = sleep
        self._log = log
        self._stopping = False
        self._listener = slack_listener(alerting.office, log)
        self._threads = [
            threading.Thread(target=self._work, name=f"delivery-{number}", daemon=True)
            for number in range(WORKERS)
        ]
        self._threads.append(threading.Thread(target=self._listen, name="slack-listener", daemon=True))

    def start(self) -> None:
        """Begin to carry out what is on the agenda, and to listen to Slack."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the errands at hand end."""
        self._stopping = True
        if self._listener:
            self._listener.stop()
        for thread in self._threads:
            thread.join(timeout=STOP_S)

    def _work(self) -> None:
        worker = self._alerting.worker()
        while not self._stopping:
            try:
                done = worker.run_once(lambda: self._stopping)
            except Transient as error:
                self._log.warning("delivery_waits", reason=error.reason.value, error=str(error))
                self._sleep(TROUBLED_S)
            except Exception as error:  # a thread that dies unseen is an alert that never arrives
                self._log.error("delivery_failed", error=f"{type(error).__name__}: {error}")
                self._sleep(TROUBLED_S)
            else:
                if not done:
                    self._sleep(IDLE_S)

    def _listen(self) -> None:
        """Until Slack takes our connection: it may be away, and that must stop nothing else."""
        while self._listener and not self._stopping:
            try:
                self._listener.start()
                return
            except Transient as error:
                self._log.warning("slack_waits", reason=error.reason.value, error=str(error))
                self._sleep(TROUBLED_S)
            except KeywatchError as error:
                self._log.error("slack_not_listened_to", reason=error.reason.value, error=str(error))
                return

    def schedule(self, jobs: Jobs, client: Any) -> None:
        """Expiry, digest and heartbeats: of all replicas one does each."""
        alerting = self._alerting
        self._leased(jobs, client, EXPIRE_EVERY_S, "expire_suspensions", alerting.review.expire_due)
        self._leased(jobs, client, DIGEST_EVERY_S, "digest", alerting.digest.tell_if_due)
        for number, (every_s, heartbeat) in enumerate(alerting.beats):
            self._leased(jobs, client, every_s, f"heartbeat_{number}", heartbeat.beat)

    def _leased(self, jobs: Jobs, client: Any, every_s: float, name: str, job: Callable[[], object]) -> None:
        lease = Lease(client, name, LEASE_S)
        jobs.every(every_s, name, lambda: lease.run(job))
