"""The alert side of a process: its loop, its jobs and what it shows of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from alerting.found import DAY_MS
from alerting.memory import RedisAlertMemory
from alerting.policy import Policy
from keystore.adapters.store import VendorKeyStore
from monitor.alert_loop import AlertLoop
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.delivery_loop import LEASE_S, DeliveryLoop
from monitor.delivery_watch import DeliveryWatch
from monitor.jobs import Jobs, Lease
from monitor.logs import Log
from monitor.reload import PolicyKeeper, Reloads
from monitor.store_watch import StoreWatch
from monitor.telemetry import Telemetry
from monitor.watch import AlertWatch
from monitor.wiring import CLOCK, Client, acting_store, audit_for, sleep
from monitor.wiring_alerting import alerting_for

WATCH_S: Final = 5.0
PRUNE_S: Final = 600.0
WATCH_STORE_S: Final = 3600.0
"""A suspension that becomes final is warned of five days before, so an hour is soon enough."""


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
        self._delivery = DeliveryLoop(self.alerting, sleep, log)
        path = Path(config.alert.policy) if config.alert.policy else None
        reloads = Reloads(telemetry.meter, audit_for(config, client), log)
        self.policy = PolicyKeeper(path, self._adopt, reloads, CLOCK)
        self.loop.between = self.policy.refresh
        store = RedisStateStore(client, config.kafka.topic)
        self._cases_days = config.alert.cases_days
        self._watch = AlertWatch(
            client,
            lambda: {number: store.key(number, "outbox") for number in partitions()},
            lambda: self.policy.policy,
            RedisAlertMemory(client),
            active,
            CLOCK,
        )
        telemetry.meter.sample(self._watch.samples)
        self._arrival = DeliveryWatch(self.alerting.health)
        telemetry.meter.sample(self._arrival.samples)
        keys = acting_store(config, client)
        self._store_watch = StoreWatch(keys, log) if isinstance(keys, VendorKeyStore) else None

    def _adopt(self, policy: Policy) -> None:
        self.loop.pipeline = self.alerting.with_policy(policy)

    def start(self) -> None:
        """Begin to tell people, and to listen to Slack; the pipeline's own loop is the caller's."""
        self._delivery.start()

    def stop(self) -> None:
        """Let the errands at hand end; what is not told by then waits in Redis."""
        self._delivery.stop()

    def _prune(self) -> None:
        """Delete findings and closed cases past their time; what is not done in a round is in the next."""
        office, now_ms = self.alerting.office, int(CLOCK.now() * 1000)
        office.findings.prune(now_ms)
        if self._cases_days:
            office.cases.prune(now_ms - self._cases_days * DAY_MS, now_ms)

    def schedule(self, jobs: Jobs) -> None:
        """Its periodic work."""
        self._delivery.schedule(jobs, self._client)
        jobs.every(WATCH_S, "watch_alerts", self._watch.look)
        prune = Lease(self._client, "prune", LEASE_S)
        jobs.every(PRUNE_S, "prune", lambda: prune.run(self._prune))
        jobs.every(WATCH_S, "watch_delivery", self._arrival.look)
        if self._store_watch is not None:
            jobs.every(WATCH_STORE_S, "watch_key_store", self._store_watch.look)
