"""``keywatch run --role console``: pages and API for people and programs."""

from __future__ import annotations

from pathlib import Path

from domain.errors import Fatal, Reason
from monitor.config import Config
from monitor.health import Rounds
from monitor.logs import Log
from monitor.meter import Meter
from monitor.reload import PolicyKeeper, Reloads
from monitor.roles import Role
from monitor.telemetry import Telemetry
from monitor.wiring import CLOCK, Client, audit_for, sleep
from monitor.wiring_console import console_for
from monitor.wiring_ops import operations_for
from monitor.wiring_traces import traces_for

TICK_S = 0.2


class ConsoleDaemon:
    """The server answers from threads of its own; the main thread ticks while it lives."""

    def __init__(self, config: Config, client: Client, log: Log) -> None:
        self._stopping = False
        self._reload = False
        self._ticks = Rounds()
        self._console = console_for(config, client, log)
        self._server = self._console.server
        telemetry = Telemetry(CLOCK, Meter(processes=True), traces_for(config, client, log))
        self.operations = operations_for(config, client, Role.CONSOLE, self._ticks, [], telemetry, log)
        self._console.schedule(self.operations.jobs)
        path = Path(config.alert.policy) if config.alert.policy else None
        reloads = Reloads(telemetry.meter, audit_for(config, client), log)
        self._policy = PolicyKeeper(path, self._console.office.adopt, reloads, CLOCK)

    @property
    def port(self) -> int:
        """Where it answers."""
        return self._server.port

    def run(self) -> None:
        """Answer until stopped."""
        self.operations.start()
        self._console.start()
        try:
            while not self._stopping and self._server.alive:
                self._tick()
                sleep(TICK_S)
        finally:
            self._console.stop()
            self.operations.stop()
        if not self._stopping:
            raise Fatal(Reason.CONFIG, "the console's server ended by itself: see the log above")

    def _tick(self) -> None:
        self._ticks.progress_s = CLOCK.monotonic()
        self._ticks.polls += 1
        if self._reload:
            self._reload = False
            self._console.reload()
            self._policy.due.now()
        self._policy.refresh()

    def stop(self) -> None:
        """Safe in a signal handler."""
        self._stopping = True

    def reload(self) -> None:
        """Look at the tokens and the policy now. Safe in a signal handler."""
        self._reload = True

    def summary(self) -> dict[str, int]:
        """What was done, for the last line of the log."""
        return {"rounds": self._ticks.polls}
