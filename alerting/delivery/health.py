"""Whether alerts arrive: counters of this process, and what all replicas know to be failing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import msgspec

from alerting.delivery.agenda import Agenda, Backlog
from domain.clock import Clock
from domain.desk import DeliveryReport, DeliveryState, Destination
from domain.errors import KeywatchError
from domain.redis_errors import redis_errors

LATE_S: Final = 60.0
"""An alert that is not there after a minute is worth a look."""
LOST_S: Final = 300.0
"""After five minutes somebody who should know does not."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Since when a destination takes nothing, and what it said."""

    since_ms: int
    reason: str


class Failures(Protocol):
    """Destinations that fail, as all replicas see them."""

    def all(self) -> Mapping[str, Failure]:
        """By destination."""

    def failed(self, name: str, failure: Failure) -> None:
        """It failed; the first time of a row is kept."""

    def recovered(self, name: str) -> None:
        """It took something."""


class RedisFailures:
    """One hash."""

    KEY: Final = "kw:{alerts}:failing"

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("delivery state")
    def all(self) -> Mapping[str, Failure]:
        found: dict[bytes, bytes] = self._redis.hgetall(self.KEY)
        return {name.decode(): msgspec.json.decode(raw, type=Failure) for name, raw in found.items()}

    @redis_errors("delivery state")
    def failed(self, name: str, failure: Failure) -> None:
        self._redis.hsetnx(self.KEY, name, msgspec.json.encode(failure))

    @redis_errors("delivery state")
    def recovered(self, name: str) -> None:
        self._redis.hdel(self.KEY, name)


class MemoryFailures:
    """The same, gone with the process."""

    def __init__(self) -> None:
        self._failures: dict[str, Failure] = {}

    def all(self) -> Mapping[str, Failure]:
        return dict(self._failures)

    def failed(self, name: str, failure: Failure) -> None:
        self._failures.setdefault(name, failure)

    def recovered(self, name: str) -> None:
        self._failures.pop(name, None)


@dataclass(frozen=True, slots=True)
class Waiting:
    """``entries`` of the outbox, the oldest event ``oldest_ms`` (None without one)."""

    entries: int
    oldest_ms: int | None


class DeliveryHealth:
    """Thread-safe. ``outbox`` says what waits in the outboxes of this process."""

    def __init__(self, failures: Failures, work: Agenda, outbox: Callable[[], Waiting], clock: Clock) -> None:
        self._failures = failures
        self._work = work
        self._outbox = outbox
        self._clock = clock
        self._counted: dict[str, Destination] = {}
        self._lock = threading.Lock()

    def delivered(self, name: str) -> None:
        """It took a message."""
        self._count(name, delivered=1)
        self._failures.recovered(name)

    def failed(self, name: str, error: KeywatchError) -> None:
        """It did not. The error's text names no secret."""
        self._count(name, failed=1)
        self._failures.failed(name, Failure(since_ms=self._now_ms(), reason=str(error)))

    def _count(self, name: str, delivered: int = 0, failed: int = 0) -> None:
        with self._lock:
            known = self._counted.get(name, Destination(name))
            self._counted[name] = replace(
                known, delivered=known.delivered + delivered, failed=known.failed + failed
            )

    def failing(self) -> str:
        """The destinations that fail and why, in words; empty if none does."""
        return "; ".join(f"{name}: {failure.reason}" for name, failure in self._failures.all().items())

    def report(self) -> DeliveryReport:
        """A few round trips. Raises ``Transient``."""
        now_ms, backlog, outbox = self._now_ms(), self._work.backlog(self._now_ms()), self._outbox()
        failures = self._failures.all()
        with self._lock:
            counted = dict(self._counted)
        destinations = {
            name: replace(
                counted.get(name, Destination(name)),
                failing_since_ms=failures[name].since_ms if name in failures else None,
                reason=failures[name].reason if name in failures else "",
            )
            for name in sorted({*counted, *failures})
        }
        return DeliveryReport(
            state=_state(now_ms, backlog, outbox, failures),
            waiting=backlog.waiting,
            oldest_s=_age_s(now_ms, backlog.oldest_ms),
            outbox=outbox.entries,
            outbox_age_s=_age_s(now_ms, outbox.oldest_ms),
            destinations=destinations,
        )

    def wrong(self) -> str:
        """What is wrong in words, empty when alerts arrive: for probes and people."""
        report = self.report()
        if report.state is DeliveryState.OK:
            return ""
        failing = self.failing()
        late = f"the oldest undelivered message waits {report.oldest_s:.0f} s" if report.oldest_s else ""
        behind = f"the oldest finding waits {report.outbox_age_s:.0f} s" if report.outbox else ""
        return "; ".join(part for part in (failing, late, behind) if part)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _state(now_ms: int, backlog: Backlog, outbox: Waiting, failures: Mapping[str, Failure]) -> DeliveryState:
    ages = [_age_s(now_ms, backlog.oldest_ms), _age_s(now_ms, outbox.oldest_ms)]
    ages += [_age_s(now_ms, failure.since_ms) for failure in failures.values()]
    if max(ages) >= LOST_S:
        return DeliveryState.FAILING
    return DeliveryState.DEGRADED if failures or max(ages) >= LATE_S else DeliveryState.OK


def _age_s(now_ms: int, since_ms: int | None) -> float:
    return 0.0 if since_ms is None else max(now_ms - since_ms, 0) / 1000
