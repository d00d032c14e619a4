"""What every role has beside its work: jobs, a watch on Redis, and the endpoint for probes and Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.health import Health
from monitor.health_server import HealthServer
from monitor.jobs import Jobs
from monitor.logs import Log
from monitor.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Operations:
    """``server`` is None when ``metrics.port`` is 0."""

    telemetry: Telemetry
    health: Health
    jobs: Jobs
    server: HealthServer | None
    log: Log

    def start(self) -> None:
        """Begin; returns at once."""
        self.jobs.start()
        if self.server:
            self.server.start()
            self.log.info("listening", port=self.server.port)

    def stop(self) -> None:
        """Let running jobs end, send what traces are left, then answer no more."""
        self.jobs.stop()
        self.telemetry.traces.close()
        if self.server:
            self.server.stop()
