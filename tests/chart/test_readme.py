"""Every value is in the chart's README, with the default it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart.rendering import CHART, CI_FILES

README: Final = (CHART / "README.md").read_text()
ROWS: Final = dict(re.findall(r"^\| `([\w.]+)` \| `(.*?)` \| .* \|$", README, re.MULTILINE))
VALUES: Final[dict[str, Any]] = yaml.safe_load((CHART / "values.yaml").read_text())


def undocumented(values: dict[str, Any], path: str = "") -> Iterator[str]:
    """Values that have no row, themselves or as part of one."""
    for name, value in values.items():
        at = f"{path}.{name}" if path else name
        if at in ROWS:
            continue
        if isinstance(value, dict) and value:
            yield from undocumented(value, at)
        else:
            yield at


def test_every_value_has_a_row() -> None:
    assert list(undocumented(VALUES)) == []


def test_every_row_has_the_default_of_the_value() -> None:
    for path, default in ROWS.items():
        value: Any = VALUES
        for name in path.split("."):
            assert name in value, f"{path} is no value"
            value = value[name]
        assert json.loads(default) == value, path


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (CHART / target).exists(), target


def test_every_feature_file_says_what_it_is_for() -> None:
    for path in CI_FILES:
        assert Path(path).read_text().startswith("# ")
