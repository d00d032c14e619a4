"""``keywatch run --role alert``: acts on what consumers elsewhere found."""

from __future__ import annotations

import threading

from domain.errors import Fatal, KeywatchError
from monitor.alert_side import AlertSide
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.health import Rounds
from monitor.logs import Log
from monitor.meter import Meter
from monitor.roles import Role
from monitor.telemetry import Telemetry
from monitor.watch import ActiveKeys
from monitor.wiring import CLOCK, Client, sleep
from monitor.wiring_ops import operations_for
from monitor.wiring_traces import traces_for

TICK_S = 0.2


class AlertDaemon:
    """Reads the outboxes of every partition that was ever claimed, asked anew at each round.

    Several replicas share the work: each finding goes to one of them. The main thread only ticks, so that
    liveness does not depend on how long Slack takes.
    """

    def __init__(self, config: Config, client: Client, log: Log) -> None:
        self._stopping = False
        self._failure: KeywatchError | None = None
        self._ticks = Rounds()
        telemetry = Telemetry(CLOCK, Meter(processes=True), traces_for(config, client, log))
        store = RedisStateStore(client, config.kafka.topic)
        self._side = AlertSide(
            config, client, store.partitions, ActiveKeys(client, config.kafka.topic).total, telemetry, log
        )
        self.operations = operations_for(config, client, Role.ALERT, self._ticks, [], telemetry, log)
        self._side.schedule(self.operations.jobs)
        self._thread = threading.Thread(target=self._alert, name="alerting", daemon=True)

    def _alert(self) -> None:
        self._failure = self._side.loop.run(lambda: self._stopping)

    def run(self) -> None:
        """Work until stopped or until alerting cannot go on."""
        self.operations.start()
        self._thread.start()
        try:
            while not self._stopping and self._thread.is_alive():
                self._ticks.progress_s = CLOCK.monotonic()
                self._ticks.polls = self._side.loop.rounds.polls
                sleep(TICK_S)
        finally:
            self._stopping = True
            self._thread.join(timeout=30)
            self.operations.stop()
        if self._failure:
            raise Fatal(self._failure.reason, f"alerting stopped: {self._failure}") from self._failure

    def stop(self) -> None:
        """Safe in a signal handler."""
        self._stopping = True

    def reload(self) -> None:
        """Look at the policy now rather than within half a minute. Safe in a signal handler."""
        self._side.policy.due.now()

    def summary(self) -> dict[str, int]:
        """What was done, for the last line of the log."""
        return {"rounds": self._side.loop.rounds.polls}
