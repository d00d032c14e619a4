"""Looks every few seconds whether alerts arrive; scrapes read what it saw and never ask Redis."""

from __future__ import annotations

from collections.abc import Iterator

from alerting.delivery.health import DeliveryHealth
from domain.desk import DeliveryReport, DeliveryState
from monitor.meter import Sample
from monitor.metrics import DELIVERY_STATE, OLDEST_FINDING, OLDEST_MESSAGE, WAITING


class DeliveryWatch:
    """``look`` is a job."""

    def __init__(self, health: DeliveryHealth) -> None:
        self._health = health
        self._seen: DeliveryReport | None = None

    def look(self) -> None:
        """A few round trips. Raises ``Transient`` when Redis does not answer."""
        self._seen = self._health.report()

    def samples(self) -> Iterator[Sample]:
        """What was seen last; nothing before the first look."""
        seen = self._seen
        if seen is None:
            return
        yield WAITING, (), seen.waiting
        yield OLDEST_MESSAGE, (), seen.oldest_s
        yield OLDEST_FINDING, (), seen.outbox_age_s
        for state in DeliveryState:
            yield DELIVERY_STATE, (state.value,), float(state is seen.state)
