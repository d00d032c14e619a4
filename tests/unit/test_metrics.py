"""The list of metrics, what a scrape shows, and the page made from the list."""

from __future__ import annotations

import re

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from domain.clock import ManualClock
from domain.errors import KeywatchError, Reason, Refused, Transient
from domain.ports import Alert
from monitor.checkpoint.memory import MemoryStateStore
from monitor.meter import Meter
from monitor.metered import MeteredNotifier
from monitor.metrics import BATCH_SECONDS, COMMITS, EVENTS, JOB_RUNS, LAG, METRICS, REJECTED, Kind
from monitor.metrics_page import PAGE, page
from monitor.samplers import consumer_samples
from tests.alerts import alert
from tests.pipelines import TOPIC, memory_pipeline, to_the_end

LINE = b'{"ts":%d,"key_id":"k%d","ip":"198.18.0.1","method":"GET","endpoint":"/v1/a","status":200}'


def scraped(meter: Meter) -> dict[str, float]:
    """``name{label=value}`` to value, as Prometheus would read it."""
    found = {}
    for family in text_string_to_metric_families(generate_latest(meter.registry).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_the_page_is_made_from_the_list() -> None:
    assert PAGE.read_text() == page(), "run: python -m monitor.metrics_page"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_follow_prometheus(metric: object) -> None:
    from monitor.metrics import Metric

    assert isinstance(metric, Metric)
    assert re.fullmatch(r"keywatch_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.help.endswith(".")
    assert not metric.unit or metric.name.endswith(f"_{metric.unit}")
    assert all(len(values) == len(metric.labels) for values in metric.values)


def test_names_are_told_apart() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_every_metric_without_labels_shows_before_the_first_event() -> None:
    found = scraped(Meter())
    for metric in METRICS:
        name = f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name
        assert metric.labels or found[name] == 0


def test_counts_known_beforehand_show_as_nought_so_that_the_first_is_a_rise() -> None:
    assert scraped(Meter())["keywatch_rejected_total{reason=not_json}"] == 0


def test_a_consumer_shows_what_it_did() -> None:
    lines = [LINE % (1_780_000_000_000 + n, n % 3) for n in range(50)] + [b"not json", b"{"]
    pipeline = memory_pipeline(lines, MemoryStateStore(TOPIC))
    meter = Meter()
    pipeline.observe = meter.observe
    meter.sample(lambda: consumer_samples(pipeline, ManualClock()))
    to_the_end(pipeline)
    pipeline.sleep(1.0)
    pipeline.run_once(0)
    found = scraped(meter)
    assert found[EVENTS.name] == 50
    assert found[f"{REJECTED.name}{{reason=not_json}}"] == 2
    assert found["keywatch_dead_letters_total"] == 2
    assert found[COMMITS.name] == pipeline.stats.commits > 0
    assert found[f"{LAG.name}{{partition=0}}"] == 0
    assert found["keywatch_cached_keys"] == 3
    assert found["keywatch_assigned_partitions"] == 1
    assert found["keywatch_watermark_timestamp_seconds{partition=0}"] == 1_780_000_000.049
    assert found[f"{BATCH_SECONDS.name}_count"] == 1
    assert found["keywatch_batch_records_sum"] == 52
    assert found["keywatch_commit_seconds_count"] >= 1


def test_a_partition_that_went_away_is_shown_no_longer() -> None:
    pipeline = memory_pipeline([LINE % (1_780_000_000_000, 1)], MemoryStateStore(TOPIC))
    meter = Meter()
    meter.sample(lambda: consumer_samples(pipeline, ManualClock()))
    to_the_end(pipeline)
    assert f"{LAG.name}{{partition=0}}" in scraped(meter)
    pipeline.stats.lag = {}
    assert f"{LAG.name}{{partition=0}}" not in scraped(meter)


def test_a_label_takes_any_text() -> None:
    meter = Meter()
    meter.add(JOB_RUNS, 2, 'a "job"\n\\')
    assert scraped(meter)['keywatch_job_runs_total{task=a "job"\n\\}'] == 2


def test_standard_process_metrics_come_too_when_asked() -> None:
    assert "process_start_time_seconds" in scraped(Meter(processes=True))
    assert "process_start_time_seconds" not in scraped(Meter())


class Flaky:
    """A notifier that fails as told."""

    name = "slack"

    def __init__(self) -> None:
        self.error: KeywatchError | None = None

    def send(self, alert: Alert) -> None:
        del alert
        if self.error:
            raise self.error


def test_a_notifier_that_fails_shows_for_how_long() -> None:
    clock, meter, inner = ManualClock(100.0), Meter(), Flaky()
    notifier = MeteredNotifier(inner, meter, clock)
    notifier.send(alert())
    inner.error = Transient(Reason.THROTTLED, "later")
    for _ in range(2):
        with pytest.raises(Transient):
            notifier.send(alert())
        clock.advance(60)
    inner.error = Refused(Reason.NOT_FOUND, "no such channel")
    with pytest.raises(Refused):
        notifier.send(alert())
    found = scraped(meter)
    assert found["keywatch_notifier_failing_seconds{notifier=slack}"] == 120
    assert found["keywatch_alerts_undelivered_total{final=false,notifier=slack}"] == 2
    assert found["keywatch_alerts_undelivered_total{final=true,notifier=slack}"] == 1
    inner.error = None
    notifier.send(alert())
    found = scraped(meter)
    assert found["keywatch_notifier_failing_seconds{notifier=slack}"] == 0
    assert found["keywatch_alerts_delivered_total{notifier=slack}"] == 2
    assert found["keywatch_alert_delivery_seconds_count{notifier=slack}"] == 5
