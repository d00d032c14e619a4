"""``keywatch run``: the consumer in the main thread, alerting in another, jobs in a scheduler."""

from __future__ import annotations

import threading
from typing import Any

from domain.errors import Fatal, KeywatchError, Transient
from monitor.config import Config
from monitor.delivery_loop import DeliveryLoop
from monitor.forest import ForestKeeper, train, with_forest
from monitor.jobs import Jobs, Lease
from monitor.logs import Log
from monitor.pipeline import Pipeline
from monitor.wiring import Client, pipeline_for, renewal_for, sleep
from monitor.wiring_alerting import alerting_for

ALERT_POLL_S = 0.2
REFRESH_S = 5.0
RENEW_S = 10.0
LEASE_S = 300.0


class Daemon:
    """All roles in one process. :meth:`run` returns after :meth:`stop` or raises what ended it."""

    def __init__(self, config: Config, client: Client, log: Log) -> None:
        self._config = config
        self._log = log
        self.pipeline: Pipeline = pipeline_for(config, client, log)
        self.alerting = alerting_for(config, client, self._partitions, self._active_keys, log)
        self._delivery = DeliveryLoop(self.alerting, sleep, log)
        self._failure: KeywatchError | None = None
        self._keeper = ForestKeeper(client, config.kafka.topic, log, self._adopt)
        self._renewal = renewal_for(config, client, self.pipeline.engine.detection.outside)
        self._jobs = self._scheduled(client)
        self._thread = threading.Thread(target=self._alert, name="alerting", daemon=True)

    @property
    def forest_version(self) -> str:
        """The forest in use, empty before the first was trained."""
        return self._keeper.version

    def _partitions(self) -> list[int]:
        return sorted(self.pipeline.parts.copy())

    def _active_keys(self) -> int:
        return sum(len(part.key_ids) for part in self.pipeline.parts.copy().values())

    def _adopt(self, forest: Any) -> None:
        engine = self.pipeline.engine
        engine.detection = with_forest(engine.detection, forest)

    def _scheduled(self, client: Client) -> Jobs:
        jobs = Jobs(self._log)
        train_lease = Lease(client, f"forest:{self._config.kafka.topic}", LEASE_S)
        jobs.every(
            self._config.forest.train_every_min * 60, "train_forest", lambda: train_lease.run(self._train)
        )
        jobs.every(REFRESH_S, "adopt_forest", self._keeper.refresh)
        jobs.every(RENEW_S, "renew_outside", self._renewal.renew)
        self._delivery.schedule(jobs, client)
        return jobs

    def _train(self) -> None:
        """Fit on the partitions this replica holds: a fair sample of all keys."""
        rows = self.pipeline.store.samples(self._partitions())
        if len(rows) >= self._config.forest.min_samples:
            self._keeper.publish(train(rows, self._config.forest.seed))

    def _alert(self) -> None:
        def waiting(error: Transient) -> None:
            self._log.warning("alert_waits", reason=error.reason.value, error=str(error))
            sleep(min(error.retry_after_s or ALERT_POLL_S, 30.0))

        while not self.pipeline.stopping:
            try:
                for incident in self.alerting.pipeline.run_once(ALERT_POLL_S, waiting):
                    self._log.info(
                        "incident",
                        key_id=incident.finding.key_id,
                        action=incident.decision.action.value,
                        quiet=incident.quiet,
                    )
            except Transient as error:
                waiting(error)
            except KeywatchError as error:
                self._failure = error
                self.pipeline.stop()

    def run(self) -> None:
        """Work until stopped: finish the batch, commit, leave the group, let alerts end."""
        self._jobs.start()
        self._thread.start()
        self._delivery.start()
        try:
            self.pipeline.run()
        finally:
            self.pipeline.stop()
            self._jobs.stop()
            self._thread.join(timeout=30)
            self._delivery.stop()
        if self._failure:
            raise Fatal(self._failure.reason, f"alerting stopped: {self._failure}") from self._failure

    def stop(self) -> None:
        """Safe in a signal handler."""
        self.pipeline.stop()
