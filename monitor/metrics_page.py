"""Writes docs/reference/metrics.md from the list of metrics: ``python -m monitor.metrics_page``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from monitor.metrics import METRICS, Metric

PAGE: Final = Path("docs/reference/metrics.md")
HEAD: Final = """# Metrics

`/metrics` answers in the Prometheus text format or OpenMetrics, on `metrics.host` and `metrics.port`. Beside
these there are Python's own `process_*` and `python_*` metrics. Names and labels are kept once released.

This page is made from `monitor/metrics.py` by `python -m monitor.metrics_page`.

"""
ROLES: Final = {
    "consume": "## Of the consumer (roles `consume` and `all`)",
    "alert": "## Of the alert side (roles `alert` and `all`)",
    "": "## Of every role",
}


def page() -> str:
    """The whole page."""
    return HEAD + "\n".join(section for role in ROLES for section in _section(role))


def _section(role: str) -> Iterator[str]:
    yield f"{ROLES[role]}\n\n| metric | kind | labels | unit | meaning |\n|---|---|---|---|---|"
    for metric in METRICS:
        if metric.role == role:
            yield _row(metric)
    yield ""


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.unit} | {metric.help} |"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
