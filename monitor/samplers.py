"""What is read of the running parts when Prometheus asks; none of it costs the hot path anything."""

from __future__ import annotations

from collections.abc import Iterator

from domain.clock import Clock
from monitor.forest import ForestKeeper
from monitor.health import Health
from monitor.meter import Sample
from monitor.metrics import (
    CACHED_KEYS,
    COMMITS,
    DEAD_LETTERS,
    EVENTS,
    FENCED,
    FINDINGS,
    FOREST_INFO,
    FOREST_TRAINED,
    HELD_BACK_PARTITIONS,
    LAG,
    LEAKS,
    OPEN_WINDOWS,
    PARTITIONS,
    POLL_AGE,
    READY,
    REJECTED,
    SCHEMA_RETRIES,
    SKIPPED,
    STATE_RETRIES,
    TAKEN_OVER,
    TOPIC_GROWN,
    WATERMARK,
)
from monitor.pipeline import Pipeline, Stats

_COUNTS = {
    EVENTS: "events",
    DEAD_LETTERS: "dead_letters",
    SKIPPED: "skipped",
    LEAKS: "leaked",
    COMMITS: "commits",
    FENCED: "fenced",
    STATE_RETRIES: "redis_retries",
    SCHEMA_RETRIES: "schema_retries",
    TAKEN_OVER: "taken_over",
}


def consumer_samples(pipeline: Pipeline, clock: Clock) -> Iterator[Sample]:
    """Counters and gauges of the consume loop, as its thread left them at the last batch."""
    stats, parts = pipeline.stats, pipeline.parts.copy()
    yield from _counted(stats)
    for number, lag in stats.lag.items():
        yield LAG, (str(number),), lag
    for number, part in parts.items():
        yield WATERMARK, (str(number),), part.watermark_ms / 1000
    yield PARTITIONS, (), len(parts)
    yield HELD_BACK_PARTITIONS, (), len(stats.held_back)
    yield TOPIC_GROWN, (), 1.0 if stats.partitions_before else 0.0
    yield CACHED_KEYS, (), sum(len(part.key_ids) for part in parts.values())
    yield OPEN_WINDOWS, (), sum(len(held) for part in parts.values() for held in part.open.values())
    yield POLL_AGE, (), clock.monotonic() - stats.progress_s if stats.progress_s else 0.0


def _counted(stats: Stats) -> Iterator[Sample]:
    for metric, attribute in _COUNTS.items():
        yield metric, (), getattr(stats, attribute)
    for reason, count in dict(stats.rejected).items():
        yield REJECTED, (reason,), count
    for detector, count in dict(stats.found).items():
        yield FINDINGS, (detector,), count


def forest_samples(keeper: ForestKeeper) -> Iterator[Sample]:
    """Which forest is in use, and when the newest was trained."""
    yield FOREST_TRAINED, (), keeper.trained_s
    if keeper.version:
        yield FOREST_INFO, (keeper.version,), 1.0


def health_samples(health: Health) -> Iterator[Sample]:
    """Whether this replica is ready."""
    yield READY, (), 0.0 if health.ready() else 1.0
