"""Periodic work: forest training, adopting a new forest, ending suspensions.

APScheduler with its memory store in every replica; what must happen once takes a lease in Redis first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from apscheduler.schedulers.background import BackgroundScheduler
from redis import Redis
from redis.cluster import RedisCluster

from domain.errors import KeywatchError
from monitor.logs import Log
from monitor.meter import Meter
from monitor.metrics import JOB_FAILURES, JOB_RUNS

_RELEASE: Final = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
)


class Lease:
    """A named lease in Redis: of many replicas one holds it, and it runs out if that one dies."""

    def __init__(self, client: Redis | RedisCluster, name: str, ttl_s: float) -> None:
        self._redis: Any = client
        self._key = f"kw:lease:{name}"
        self._ttl_ms = int(ttl_s * 1000)

    def run(self, job: Callable[[], object]) -> bool:
        """Run ``job`` if nobody else is; says whether it ran."""
        token = secrets.token_hex(8)
        if not self._redis.set(self._key, token, nx=True, px=self._ttl_ms):
            return False
        try:
            job()
        finally:
            self._redis.eval(_RELEASE, 1, self._key, token)
        return True


class Jobs:
    """A scheduler whose jobs never overlap themselves and whose failures are logged, not lost."""

    def __init__(self, log: Log, meter: Meter | None = None) -> None:
        self._log = log
        self._meter = meter or Meter()
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def every(self, seconds: float, name: str, job: Callable[[], object]) -> None:
        """Run ``job`` each ``seconds``; late runs are made up for once."""
        self._meter.add(JOB_RUNS, 0, name)
        self._meter.add(JOB_FAILURES, 0, name)
        self._scheduler.add_job(
            lambda: self._guarded(name, job),
            "interval",
            seconds=seconds,
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    def _guarded(self, name: str, job: Callable[[], object]) -> None:
        try:
            job()
            self._meter.add(JOB_RUNS, 1, name)
        except KeywatchError as error:
            self._meter.add(JOB_FAILURES, 1, name)
            self._log.warning("job_failed", job=name, reason=error.reason.value, error=str(error))
        except Exception as error:
            self._meter.add(JOB_FAILURES, 1, name)
            self._log.error("job_failed", job=name, error=f"{type(error).__name__}: {error}")

    def start(self) -> None:
        """Begin; returns at once."""
        self._scheduler.start()

    def stop(self) -> None:
        """Let running jobs end and start no more."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
