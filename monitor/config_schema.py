"""JSON schema of settings and policy in the chart: ``python -m monitor.config_schema`` puts it there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from alerting.policy import Policy
from monitor.config import Config

CHART_SCHEMA: Final = Path("helm/keywatch/values.schema.json")
OURS: Final = "keywatch."
"""Definitions whose names begin so are made here; the others are written by hand."""


def definitions() -> dict[str, Any]:
    """``keywatch.Config``, ``keywatch.Policy`` and their parts: unknown names are errors, as in keywatch."""
    _, found = msgspec.json.schema_components([Config, Policy], ref_template=f"#/$defs/{OURS}{{name}}")
    made = {f"{OURS}{name}": _shortened(part) for name, part in sorted(found.items())}
    metrics: dict[str, Any] = made[f"{OURS}MetricsConfig"]["properties"]
    del metrics["port"]  # the chart's own `metrics.port` sets it
    for owned in ("host", "port"):  # likewise `console.port`
        del made[f"{OURS}ConsoleConfig"]["properties"][owned]
    suspend = made[f"{OURS}Policy"]["properties"]["suspend"]
    suspend["enum"] += [True, False]  # a bare on and off in YAML
    return made


def _shortened(part: dict[str, Any]) -> dict[str, Any]:
    """Without defaults and prose: errors should name the value and nothing else."""
    fields = part.get("properties", {})
    for field in fields.values():
        field.pop("default", None)
    return {name: value for name, value in part.items() if name not in ("title", "description")}


def chart_schema(current: str) -> str:
    """The chart's schema with the settings of this version in it."""
    schema = json.loads(current)
    by_hand = {name: part for name, part in schema["$defs"].items() if not name.startswith(OURS)}
    schema["$defs"] = {**by_hand, **definitions()}
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    CHART_SCHEMA.write_text(chart_schema(CHART_SCHEMA.read_text()))
