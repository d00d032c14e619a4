"""The alert side of a process: its loop, its jobs and what it shows of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from alerting.audit import RedisAudit
from alerting.memory import RedisAlertMemory
from alerting.policy import Policy
from monitor.alert_loop import AlertLoop
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.jobs import Jobs, Lease
from monitor.logs import Log
from monitor.reload import PolicyKeeper, Reloads
from monitor.telemetry import Telemetry
from monitor.watch import AlertWatch
from monitor.wiring import CLOCK, Client, alerting_for, sleep

WATCH_S: Final = 5.0
EXPIRE_EVERY_S: Final = 30.0
LEASE_S: Final = 300.0


class AlertSide:
    """``partitions`` whose outboxes it reads; ``active`` counts keys in use, for the suspension budget."""

    def __init__(
        self,
        config: Config,
        client: Client,
        partitions: Callable[[], list[int]],
        active: Callable[[], int],
        telemetry: Telemetry,
        log: Log,
    ) -> None:
        self.alerting = alerting_for(config, client, partitions, active, log, telemetry)
        self.loop = AlertLoop(self.alerting.pipeline, telemetry.meter, sleep, log)
        self._client = client
        path = Path(config.alert.policy) if config.alert.policy else None
        reloads = Reloads(telemetry.meter, RedisAudit(client, CLOCK), log)
        self.policy = PolicyKeeper(path, self._adopt, reloads, CLOCK)
        self.loop.between = self.policy.refresh
        store = RedisStateStore(client, config.kafka.topic)
        self._watch = AlertWatch(
            client,
            lambda: {number: store.key(number, "outbox") for number in partitions()},
            lambda: self.policy.policy,
            RedisAlertMemory(client),
            active,
            CLOCK,
        )
        telemetry.meter.sample(self._watch.samples)

    def _adopt(self, policy: Policy) -> None:
        self.loop.pipeline = self.alerting.with_policy(policy)

    def schedule(self, jobs: Jobs) -> None:
        """Its periodic work."""
        lease = Lease(self._client, "expire", LEASE_S)
        review = self.alerting.review
        jobs.every(EXPIRE_EVERY_S, "expire_suspensions", lambda: lease.run(review.expire_due))
        jobs.every(WATCH_S, "watch_alerts", self._watch.look)
