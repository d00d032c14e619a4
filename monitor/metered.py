"""Notifiers and a key store that count what they do; otherwise they are what they wrap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from domain.clock import Clock
from domain.errors import KeywatchError, Reason, Transient
from domain.ports import Capabilities, KeyStatus, KeyStore, Notifier
from monitor.meter import Meter, Sample
from monitor.metrics import DELIVERED, DELIVERY_SECONDS, FAILING, REINSTATED, SUSPENSIONS, UNDELIVERED


class MeteredNotifier:
    """Knows for how long the other side has taken nothing."""

    def __init__(self, inner: Notifier, meter: Meter, clock: Clock) -> None:
        self.name = inner.name
        self._inner = inner
        self._meter = meter
        self._clock = clock
        self._failing_since: float | None = None
        for final in ("true", "false"):
            meter.add(UNDELIVERED, 0, self.name, final)
        meter.add(DELIVERED, 0, self.name)
        meter.sample(self.samples)

    def send(self, message: Any) -> None:
        began = self._clock.monotonic()
        try:
            self._inner.send(message)
        except KeywatchError as error:
            if error.reason is Reason.CONFLICT:  # another worker is at this very message
                raise
            if self._failing_since is None:
                self._failing_since = began
            self._meter.add(UNDELIVERED, 1, self.name, "false" if isinstance(error, Transient) else "true")
            raise
        else:
            self._failing_since = None
            self._meter.add(DELIVERED, 1, self.name)
        finally:
            self._meter.observe(DELIVERY_SECONDS, self._clock.monotonic() - began, self.name)

    def samples(self) -> Iterator[Sample]:
        """How long it has been failing, read when Prometheus asks."""
        since = self._failing_since
        yield FAILING, (self.name,), 0.0 if since is None else self._clock.monotonic() - since


class MeteredKeys:
    """Counts keys stopped and given back."""

    def __init__(self, inner: KeyStore, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def capabilities(self) -> Capabilities:
        return self._inner.capabilities()

    def describe(self, key_id: str) -> KeyStatus:
        return self._inner.describe(key_id)

    def suspend(self, key_id: str, *, case_id: str, reason: str, expires_ms: int | None) -> KeyStatus:
        status = self._inner.suspend(key_id, case_id=case_id, reason=reason, expires_ms=expires_ms)
        self._meter.add(SUSPENSIONS)
        return status

    def reinstate(self, key_id: str, *, case_id: str) -> KeyStatus:
        status = self._inner.reinstate(key_id, case_id=case_id)
        self._meter.add(REINSTATED)
        return status
