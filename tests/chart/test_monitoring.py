"""Alerts, their runbooks and their tests; the dashboard; and that both name only metrics we have."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from monitor.metrics import METRICS, Kind
from tests.chart.rendering import CHART, named, rendered, tool

RULES: Final = CHART / "files/alerts.yaml"
DASHBOARD: Final = CHART / "files/dashboards/keywatch.json"
RUNBOOKS: Final = Path("docs/runbooks")
ALERTS: Final = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
BOARD: Final = json.loads(DASHBOARD.read_text())


def expressions() -> Iterator[tuple[str, str]]:
    """Every query, with where it is."""
    for name, rule in ALERTS.items():
        yield name, rule["expr"]
    for panel in BOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def series() -> dict[str, tuple[str, ...]]:
    """Names that Prometheus will have, with their labels."""
    found: dict[str, tuple[str, ...]] = {}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        found |= {metric.name + suffix: metric.labels for suffix in suffixes}
    return found


def test_every_query_names_metrics_that_exist() -> None:
    for where, query in expressions():
        names = set(re.findall(r"\bkeywatch_\w+", query))
        assert names | set(re.findall(r"\bprocess_\w+", query)), where
        assert names <= set(series()), where


OF_THE_TARGET: Final = {"namespace", "job", "instance", "le", "pod"}


def test_every_query_groups_by_labels_that_exist() -> None:
    labels = {label for found in series().values() for label in found}
    for where, query in expressions():
        for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query):
            assert {name.strip() for name in group.split(",")} <= labels | OF_THE_TARGET, where


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_runbook_with_what_to_do(name: str) -> None:
    annotations = ALERTS[name]["annotations"]
    assert annotations["runbook_url"] == f"docs/runbooks/{name}.md"
    assert {"summary", "description"} <= set(annotations)
    assert ALERTS[name]["labels"]["severity"] in ("warning", "critical")
    text = (RUNBOOKS / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    for part in ("## Why it happens", "## Look", "## Do"):
        assert part in text


def test_every_runbook_has_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("Keywatch*.md")} == set(ALERTS)


def test_links_between_runbooks_lead_somewhere() -> None:
    for path in RUNBOOKS.glob("*.md"):
        for target in re.findall(r"\]\((\w+\.md)\)", path.read_text()):
            assert (RUNBOOKS / target).exists(), f"{path}: {target}"


@dataclass(frozen=True)
class Trial:
    """Series (in promtool's notation, a minute a step) with which an alert fires at ``at``, or does not."""

    bad: dict[str, str]
    good: dict[str, str] = field(default_factory=dict)
    at: str = "30m"


UP: Final = {'keywatch_build_info{version="1",role="all"}': "1x40"}
TRIALS: Final = {
    "KeywatchDown": Trial(bad={"up": "1x40"}, good=UP),
    "KeywatchNotReady": Trial({"keywatch_ready": "0x40"}, {"keywatch_ready": "0x8 1x32"}),
    "KeywatchConsumerLag": Trial(
        {'keywatch_consumer_lag_records{partition="1"}': "60000x40"},
        {'keywatch_consumer_lag_records{partition="1"}': "60000x10 100x30"},
    ),
    "KeywatchEventsLost": Trial(
        {"keywatch_skipped_offsets_total": "0x5 7x35"}, {"keywatch_skipped_offsets_total": "7x40"}
    ),
    "KeywatchFenceConflicts": Trial(
        {"keywatch_fenced_total": "0+1x40"}, {"keywatch_fenced_total": "0x20 2x20"}
    ),
    "KeywatchDeadLetters": Trial(
        {'keywatch_rejected_total{reason="not_json"}': "0+10x40", "keywatch_events_total": "0+500x40"},
        {'keywatch_rejected_total{reason="not_json"}': "0+1x40", "keywatch_events_total": "0+500x40"},
    ),
    "KeywatchAlertsUndelivered": Trial(
        {'keywatch_notifier_failing_seconds{notifier="slack"}': "0+60x40"},
        {'keywatch_notifier_failing_seconds{notifier="slack"}': "0 60 120 180 0x40"},
    ),
    "KeywatchAlertsRefused": Trial(
        {'keywatch_alerts_undelivered_total{notifier="slack",final="true"}': "0x20 1x20"},
        {'keywatch_alerts_undelivered_total{notifier="slack",final="false"}': "0+1x40"},
    ),
    "KeywatchOutboxBacklog": Trial(
        {'keywatch_outbox_depth{partition="0"}': "3x40"},
        {'keywatch_outbox_depth{partition="0"}': "3x24 0 3x15"},
    ),
    "KeywatchSuspensionCircuitOpen": Trial(
        {"keywatch_suspension_circuit_open": "0x20 1x20"}, {"keywatch_suspension_circuit_open": "1x20 0x20"}
    ),
    "KeywatchForestOld": Trial(
        {"keywatch_forest_trained_timestamp_seconds": "1x500"},
        {"keywatch_forest_trained_timestamp_seconds": "0x500"},
        at="7h",
    ),
    "KeywatchRedisMemory": Trial(
        {
            'keywatch_redis_used_memory_bytes{node="redis"}': "90x40",
            'keywatch_redis_max_memory_bytes{node="redis"}': "100x40",
        },
        {
            'keywatch_redis_used_memory_bytes{node="redis"}': "90x40",
            'keywatch_redis_max_memory_bytes{node="redis"}': "0x40",
        },
    ),
    "KeywatchRedisSilent": Trial(
        {"keywatch_redis_answer_age_seconds": "0+60x40"},
        {
            'keywatch_redis_answer_age_seconds{instance="a"}': "0+60x40",
            'keywatch_redis_answer_age_seconds{instance="b"}': "1x40",
        },
    ),
    "KeywatchReloadRefused": Trial(
        {'keywatch_reload_broken{what="policy"}': "1x40"},
        {'keywatch_reload_broken{what="policy"}': "1x20 0x20"},
    ),
    "KeywatchPartitionHeldBack": Trial(
        {"keywatch_held_back_partitions": "2x40"}, {"keywatch_held_back_partitions": "1x5 0x35"}
    ),
    "KeywatchTopicGrown": Trial({"keywatch_topic_grown": "1x40"}, {"keywatch_topic_grown": "1x10 0x30"}),
    "KeywatchJobFailing": Trial(
        {'keywatch_job_failures_total{task="train_forest"}': "0+1x40"},
        {'keywatch_job_failures_total{task="train_forest"}': "0x10 1x30"},
    ),
    "KeywatchKeysInLogs": Trial({"keywatch_leaks_total": "0x5 1x35"}, {"keywatch_leaks_total": "1x40"}),
}


def tried(name: str, values: dict[str, str], at: str, fires: bool) -> dict[str, Any]:
    return {
        "name": f"{name} {'fires' if fires else 'does not fire'}",
        "interval": "1m",
        "input_series": [{"series": one, "values": points} for one, points in values.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                "eval_time": at,
                "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
            }
        ],
    }


def test_every_alert_is_tried() -> None:
    assert set(TRIALS) == set(ALERTS)


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        [tool("promtool"), *arguments], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    groups = [tried(name, trial.bad, trial.at, True) for name, trial in TRIALS.items()]
    groups += [tried(name, trial.good, trial.at, False) for name, trial in TRIALS.items()]
    path = tmp_path / "tests.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES.resolve())], "tests": groups}))
    promtool("test", "rules", str(path))


def test_what_an_alert_says_is_readable(tmp_path: Path) -> None:
    rule = ALERTS["KeywatchRedisMemory"]
    expected = {
        "exp_labels": {"severity": "warning", "node": "redis"},
        "exp_annotations": {
            **rule["annotations"],
            "summary": "Redis redis has used 90% of its memory",
        },
    }
    group = {
        "interval": "1m",
        "input_series": [
            {"series": one, "values": points} for one, points in TRIALS["KeywatchRedisMemory"].bad.items()
        ],
        "alert_rule_test": [
            {"eval_time": "30m", "alertname": "KeywatchRedisMemory", "exp_alerts": [expected]}
        ],
    }
    path = tmp_path / "tests.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(RULES.resolve())], "tests": [group]}))
    promtool("test", "rules", str(path))


def test_promtool_finds_the_rules_well_formed() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "--lint=all", str(RULES))


def test_panels_do_not_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


ON: Final = {"enabled": True}


def test_nothing_for_prometheus_or_grafana_is_made_unless_asked_for() -> None:
    made = {manifest["kind"] for manifest in rendered()}
    assert not made & {"ServiceMonitor", "PrometheusRule", "HorizontalPodAutoscaler", "ScaledObject"}
    assert not [m for m in rendered() if m["metadata"]["name"].endswith("-dashboard")]


def test_the_service_monitor_finds_the_pods_of_every_role() -> None:
    made = rendered(mode="split", metrics={"serviceMonitor": {**ON, "labels": {"release": "p"}}})
    monitor = named(made, "ServiceMonitor")
    service = named(made, "Service", "rel-keywatch-pods")
    assert monitor["metadata"]["labels"]["release"] == "p"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    for kind in ("StatefulSet", "Deployment"):
        labels = named(made, kind)["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()


def test_the_rules_of_the_chart_are_the_rules_of_the_file() -> None:
    made = named(rendered(metrics={"prometheusRule": ON}), "PrometheusRule")
    assert made["spec"] == yaml.safe_load(RULES.read_text())


def test_rules_can_be_left_out_added_and_linked_elsewhere() -> None:
    extra = {"name": "ours", "rules": [{"alert": "A", "expr": "vector(1)"}]}
    wanted = {
        **ON,
        "disabled": ["KeywatchDown"],
        "extraGroups": [extra],
        "runbookBaseUrl": "https://wiki.example/keywatch/",
    }
    groups = named(rendered(metrics={"prometheusRule": wanted}), "PrometheusRule")["spec"]["groups"]
    names = {rule["alert"] for rule in groups[0]["rules"]}
    assert names == set(ALERTS) - {"KeywatchDown"}
    for rule in groups[0]["rules"]:
        link = f"https://wiki.example/keywatch/{rule['alert']}.html"
        assert rule["annotations"]["runbook_url"] == link
    assert groups[1] == extra


def test_the_dashboard_of_the_chart_is_the_dashboard_of_the_file() -> None:
    made = named(rendered(metrics={"grafanaDashboard": ON}), "ConfigMap", "rel-keywatch-dashboard")
    assert json.loads(made["data"]["keywatch.json"]) == BOARD
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
