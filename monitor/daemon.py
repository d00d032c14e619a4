"""``keywatch run``: the consumer in the main thread, alerting in another, jobs in a scheduler."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from domain.errors import Fatal, KeywatchError
from monitor.alert_side import AlertSide
from monitor.config import Config
from monitor.forest import ForestKeeper, train, with_forest
from monitor.health import HoldsPartitions
from monitor.jobs import Jobs, Lease
from monitor.logs import Log
from monitor.meter import Meter
from monitor.owner_notices import OwnerNotices
from monitor.pipeline import Pipeline
from monitor.pulse import Pulses
from monitor.reload import FileKeeper, Reloads
from monitor.roles import Role
from monitor.samplers import consumer_samples, forest_samples
from monitor.telemetry import Telemetry
from monitor.watch import ActiveKeys
from monitor.wiring import CLOCK, Client, audit_for, pipeline_for, policy_for, renewal_for
from monitor.wiring_alerting import dispatch_for
from monitor.wiring_audit import audit_keeper_for
from monitor.wiring_destinations import owner_names
from monitor.wiring_keys import key_store
from monitor.wiring_ops import operations_for
from monitor.wiring_traces import traces_for

if TYPE_CHECKING:
    from monitor.wiring_alerting import Office
    from monitor.wiring_console import Console

REFRESH_S = 5.0
RENEW_S = 10.0
TELL_S = 5.0
LEASE_S = 300.0
RETIRE_EVERY_S = 30.0
OWNERS_S = 300.0
AUDIT_LOOK_S = 600.0
AUDIT_LEASE_S = 3600.0


class Daemon:
    """Consumes, and in role ``all`` also alerts. :meth:`run` returns after :meth:`stop` or raises what
    ended it."""

    def __init__(self, config: Config, client: Client, log: Log, role: Role = Role.ALL) -> None:
        self._config = config
        telemetry = Telemetry(CLOCK, Meter(processes=True), traces_for(config, client, log))
        self.pipeline: Pipeline = pipeline_for(config, client, log)
        self.pipeline.observe = telemetry.meter.observe
        self.pipeline.traces = telemetry.traces
        self._failure: KeywatchError | None = None
        reloads = Reloads(telemetry.meter, audit_for(config, client), log)
        self._files = FileKeeper(self.pipeline.enricher, reloads, CLOCK)
        self.pipeline.files = self._files
        self._keeper = ForestKeeper(client, config.kafka.topic, reloads, self._adopt, CLOCK)
        self._renewal = renewal_for(config, client, self.pipeline.engine.detection.outside)
        self.audits = audit_keeper_for(config, client, log)
        self._active = ActiveKeys(client, config.kafka.topic)
        self._pulses = Pulses(client, config.kafka.topic, CLOCK)
        self._side = (
            AlertSide(config, client, self._partitions, self._active_keys, telemetry, log)
            if role is Role.ALL
            else None
        )
        needs = [HoldsPartitions(CLOCK, lambda: len(self.pipeline.parts))]
        self.operations = operations_for(config, client, role, self.pipeline.stats, needs, telemetry, log)
        telemetry.meter.sample(lambda: consumer_samples(self.pipeline, CLOCK))
        telemetry.meter.sample(lambda: forest_samples(self._keeper))
        office = self._side.alerting.office if self._side else None
        self._console = _console_for(config, client, log, office) if office else None
        self._schedule(self.operations.jobs, client)
        self._thread = threading.Thread(target=self._alert, name="alerting", daemon=True)

    @property
    def forest_version(self) -> str:
        """The forest in use, empty before the first was trained."""
        return self._keeper.version

    def _partitions(self) -> list[int]:
        return sorted(self.pipeline.parts.copy())

    def _active_by_partition(self) -> dict[int, int]:
        return {number: len(part.key_ids) for number, part in self.pipeline.parts.copy().items()}

    def _active_keys(self) -> int:
        return sum(self._active_by_partition().values())

    def _adopt(self, forest: Any) -> None:
        engine = self.pipeline.engine
        engine.detection = with_forest(engine.detection, forest)

    def _schedule(self, jobs: Jobs, client: Client) -> None:
        train_lease = Lease(client, f"forest:{self._config.kafka.topic}", LEASE_S)
        jobs.every(
            self._config.forest.train_every_min * 60, "train_forest", lambda: train_lease.run(self._train)
        )
        jobs.every(REFRESH_S, "adopt_forest", self._keeper.refresh)
        jobs.every(RENEW_S, "renew_outside", self._renewal.renew)
        jobs.every(RENEW_S, "tell_active_keys", lambda: self._active.tell(self._active_by_partition()))
        jobs.every(TELL_S, "tell_pulse", self._tell_pulse)
        if self._side:
            self._side.schedule(jobs)
        if self._console:
            self._console.schedule(jobs)
        keys = key_store(self._config, client)
        retire_lease = Lease(client, "retire", LEASE_S)
        jobs.every(RETIRE_EVERY_S, "retire_keys", lambda: retire_lease.run(keys.retire_due))
        if any(owner_names(self._config)):
            port = OwnerNotices(dispatch_for(self._config, client, policy_for(self._config).rulebook()))
            owners_lease = Lease(client, "owners", LEASE_S)
            jobs.every(OWNERS_S, "tell_owners", lambda: owners_lease.run(lambda: keys.tell_owners(port)))
        audit_lease = Lease(client, "audit", AUDIT_LEASE_S)
        jobs.every(AUDIT_LOOK_S, "audit_keys", lambda: audit_lease.run(self.audits.run_if_due))

    def _tell_pulse(self) -> None:
        self._pulses.tell(self.pipeline.tally, self.pipeline.stats.lag, self._partitions())

    def _train(self) -> None:
        """Fit on the partitions this replica holds: a fair sample of all keys."""
        rows = self.pipeline.store.samples(self._partitions())
        if len(rows) >= self._config.forest.min_samples:
            self._keeper.publish(train(rows, self._config.forest.seed))

    def _alert(self) -> None:
        if self._side:
            self._failure = self._side.loop.run(lambda: self.pipeline.stopping)
            self.pipeline.stop()

    def run(self) -> None:
        """Work until stopped: finish the batch, commit, leave the group, let alerts end."""
        self.operations.start()
        self._thread.start()
        if self._side:
            self._side.start()
        if self._console:
            self._console.start()
        try:
            self.pipeline.run()
        finally:
            self.pipeline.stop()
            self._thread.join(timeout=30)
            if self._console:
                self._console.stop()
            if self._side:
                self._side.stop()
            self.operations.stop()
        if self._failure:
            raise Fatal(self._failure.reason, f"alerting stopped: {self._failure}") from self._failure

    def stop(self) -> None:
        """Safe in a signal handler."""
        self.pipeline.stop()

    def reload(self) -> None:
        """Look at all files now rather than within half a minute. Safe in a signal handler."""
        self._files.due.now()
        if self._side:
            self._side.policy.due.now()

    def summary(self) -> dict[str, int]:
        """What was done, for the last line of the log."""
        return {"events": self.pipeline.stats.events, "findings": self.pipeline.stats.findings}


def _console_for(config: Config, client: Client, log: Log, office: Office) -> Console | None:
    """None while nobody may come in. Imported only then, as it is an extra."""
    if not config.console.open:
        return None
    from monitor.wiring_console import console_for

    return console_for(config, client, log, office)
