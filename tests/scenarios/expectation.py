"""What a sample stream must give: its ``expected.toml``, and how that is written from a replay.

``python -m tests.scenarios.expectation`` writes them all again; read the difference before you keep it.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

from alerting.policy import Policy, load_policy
from monitor.config import Config, GeoipConfig
from monitor.replay import Outcome, Replay
from monitor.source.dead_letter import NullDeadLetters
from sample_streams import FOLDER, GEO, scenario_names, scenario_path

HEAD = "# Every finding of this stream, in order, and what the shipped policy decides on it.\n"


def policy() -> Policy:
    """The shipped policy."""
    return load_policy(None)


def replayed(name: str) -> list[dict[str, object]]:
    """The findings of a stream as plain rows."""
    config = Config(geoip=GeoipConfig(databases=[str(GEO)]))
    player = Replay([scenario_path(name)], "native", config, policy(), NullDeadLetters())
    rows = [_row(outcome) for found in player.run() for outcome in found]
    assert not player.stats.rejected
    return rows


def expected(name: str) -> list[dict[str, object]]:
    """The rows of ``expected.toml``."""
    tree = tomllib.loads((FOLDER / name / "expected.toml").read_text())
    found: list[dict[str, object]] = tree.get("finding", [])
    return found


def _row(outcome: Outcome) -> dict[str, object]:
    finding = outcome.finding
    return {
        "at": datetime.fromtimestamp(finding.ts_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key_id": finding.key_id,
        "detector": finding.detector,
        "offset": finding.offset,
        "decision": outcome.decision.action.value,
    }


def write(name: str, folder: Path = FOLDER) -> None:
    """Write a stream's ``expected.toml`` from what is found now."""
    lines = [HEAD]
    for row in replayed(name):
        lines.append("\n[[finding]]\n")
        for field, value in row.items():
            lines.append(f"{field} = {value}\n" if isinstance(value, int) else f'{field} = "{value}"\n')
    (folder / name / "expected.toml").write_text("".join(lines))


if __name__ == "__main__":
    for scenario in scenario_names():
        write(scenario)
