"""Counts the metrics of one process and writes them in Prometheus' format."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from monitor.metrics import METRICS, Kind, Labels, Metric

Sample = tuple[Metric, Labels, float]


class Sampled(Protocol):
    """Something that is read when Prometheus asks, so that the hot path pays nothing for it."""

    def __call__(self) -> Iterable[Sample]: ...


class Meter:
    """Thread-safe. ``add`` and ``observe`` cost about a microsecond: call them once a batch.

    ``processes``: also the standard ``process_*``, ``python_*`` metrics of this process.
    """

    def __init__(self, metrics: Sequence[Metric] = METRICS, processes: bool = False) -> None:
        self._metrics = tuple(metrics)
        self._lock = threading.Lock()
        self._values: dict[Metric, dict[Labels, float]] = {m: _known(m) for m in self._metrics}
        self._samplers: list[Callable[[], Iterable[Sample]]] = []
        self.registry = CollectorRegistry(auto_describe=False)
        self._histograms = {
            m: _histogram(m, self.registry) for m in self._metrics if m.kind is Kind.HISTOGRAM
        }
        self.registry.register(self)
        if processes:
            for collector in (ProcessCollector, PlatformCollector, GCCollector):
                collector(registry=self.registry)

    def add(self, metric: Metric, amount: float = 1.0, *labels: str) -> None:
        """Raise a counter; an amount of 0 shows the series from now on."""
        with self._lock:
            values = self._values[metric]
            values[labels] = values.get(labels, 0.0) + amount

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Put a gauge."""
        with self._lock:
            self._values[metric][labels] = value

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Enter a value into a histogram."""
        histogram = self._histograms[metric]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def sample(self, sampler: Sampled) -> None:
        """Have ``sampler`` asked at every scrape; its samples replace the stored ones."""
        self._samplers.append(sampler)

    def describe(self) -> Iterable[Family]:
        """Names only, so that registering does not ask the samplers."""
        return [_family(metric, {}) for metric in self._metrics if metric.kind is not Kind.HISTOGRAM]

    def collect(self) -> Iterator[Family]:
        """All counters and gauges, for the registry."""
        with self._lock:
            values = {metric: dict(found) for metric, found in self._values.items()}
        for sampler in self._samplers:
            for metric, labels, value in sampler():
                values[metric][labels] = value
        for metric, found in values.items():
            if metric.kind is not Kind.HISTOGRAM:
                yield _family(metric, found)


def _known(metric: Metric) -> dict[Labels, float]:
    if metric.kind is Kind.HISTOGRAM:
        return {}
    return dict.fromkeys(metric.values, 0.0) if metric.labels else {(): 0.0}


def _histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


def _family(metric: Metric, values: dict[Labels, float]) -> Family:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family
