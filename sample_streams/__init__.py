"""Recorded streams with known outcomes: one folder a scenario, all made by ``generate``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
GEO: Final = FOLDER / "sample.mmdb"
"""City and ASN of the streams' addresses, which are all from reserved ranges."""


def scenario_names() -> list[str]:
    """Every folder that holds a stream, in order of name."""
    return sorted(path.parent.name for path in FOLDER.glob("*/events.jsonl.gz"))


def scenario_path(name: str) -> Path:
    """The events of a scenario."""
    return FOLDER / name / "events.jsonl.gz"
