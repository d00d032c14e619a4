"""The audit of the configured store: now, or when the last one is old enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from domain.case import CaseState
from domain.clock import Clock
from domain.errors import Reason, Refused
from domain.ports import CaseStore
from keystore.audit.audit import audit
from keystore.audit.controls import AuditSettings, Moment
from keystore.audit.facts import KeyUsage
from keystore.audit.keys import AuditedStore, fact_pages
from keystore.audit.report import AuditReport, decode, encode
from monitor.config import AuditConfig
from monitor.logs import Log

LAST: Final = "kw:audit:keys"
"""Where the last report of the job is kept: JSON, see :class:`keystore.audit.report.AuditReport`."""
DAY_MS: Final = 86_400_000


class CaseReviews:
    """The port :class:`keystore.audit.facts.Reviews` over the cases. One round trip a suspended key."""

    def __init__(self, cases: CaseStore) -> None:
        self._cases = cases

    def waiting_since_ms(self, case_id: str) -> int | None:
        try:
            case = self._cases.get(case_id)
        except Refused as error:
            if error.reason is not Reason.NOT_FOUND:
                raise
            return None
        return case.opened_ms if case.state is CaseState.OPEN else None


class KeyAuditor:
    """Everything that an audit needs, by the configured lines."""

    def __init__(
        self,
        keys: AuditedStore,
        usage: KeyUsage,
        cases: CaseStore,
        current_pepper: int,
        config: AuditConfig,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._usage = usage
        self._reviews = CaseReviews(cases)
        self._current_pepper = current_pepper
        self._config = config
        self._clock = clock

    def keys(self) -> int:
        """How many keys there are to read."""
        return self._keys.count()

    def run(
        self, named: int | None = None, progress: Callable[[int], None] = lambda _keys: None
    ) -> AuditReport:
        """Read every key once. ``named``: keys that a control names, by default as configured."""
        moment = Moment(int(self._clock.now() * 1000), self._settings())
        return audit(
            fact_pages(self._keys, moment, self._current_pepper),
            moment,
            self._usage,
            self._reviews,
            named=self._config.named if named is None else named,
            progress=progress,
        )

    def _settings(self) -> AuditSettings:
        lines = msgspec.structs.asdict(self._config)
        return AuditSettings(**{name: lines[name] for name in AuditSettings.__slots__})


class AuditKeeper:
    """The last report in Redis, and a new one when it is due: for the job of the daemon's replicas.

    How long ago the last one was is read from Redis, so that restarts neither repeat nor forget it.
    """

    def __init__(
        self, client: Any, run: Callable[[], AuditReport], every_days: float, clock: Clock, log: Log
    ) -> None:
        self._redis = client
        self._run = run
        self._every_ms = int(every_days * DAY_MS)
        self._clock = clock
        self._log = log

    def last(self) -> AuditReport | None:
        """None before the first, and for one that another version wrote."""
        raw: bytes | None = self._redis.get(LAST)
        try:
            return decode(raw) if raw else None
        except msgspec.DecodeError:
            return None

    def run_if_due(self) -> bool:
        """Audit and keep the report. Says whether it did. To be called under a lease."""
        last = self.last()
        if not self._every_ms or (last and self._clock.now() * 1000 - last.at_ms < self._every_ms):
            return False
        report = self._run()
        self._redis.set(LAST, encode(report))
        found = {result.control.value: result.found for result in report.controls if result.found}
        self._log.info("keys_audited", keys=report.keys, status=report.status.value, **found)
        return True
