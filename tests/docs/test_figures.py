"""Figures that several pages repeat are those of the page that measured them, and sizes are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE

DOCS: Final = Path("docs")
EVALUATION: Final = (DOCS / "evaluation.md").read_text()
SUBJECTS: Final = ("keywatch", "3 sigma, new country", "ECOD", "HalfSpaceTrees", "IsolationForest", "RCF")


def cells(line: str) -> list[str]:
    return [cell.strip(" *").replace(" %", "%") for cell in line.strip().strip("|").split("|")]


def table_row(page: str, begins: str) -> list[str]:
    """The first row of a page's tables whose first cell begins so."""
    (line, *_) = [line for line in page.splitlines() if line.startswith(f"| {begins}")]
    return cells(line)


def recall_at_one() -> dict[str, str]:
    """By subject, from the measured table."""
    part = EVALUATION[EVALUATION.index("### Recall at 1 false") :]
    return by_subject(table_row(part, "attack"), table_row(part, "all but honey key"))


def recall_at_five() -> dict[str, str]:
    part = EVALUATION[EVALUATION.index("### At the rate of the shipped budget") :]
    heads, _, values = [line for line in part.splitlines() if line.startswith("|")][:3]
    return by_subject(cells(heads), cells(values))


def by_subject(heads: list[str], values: list[str]) -> dict[str, str]:
    found = dict(zip(heads, values, strict=True))
    return {name: value for name in SUBJECTS for head, value in found.items() if head.startswith(name)}


@pytest.mark.parametrize(("rate", "measured"), [("5", recall_at_five()), ("1", recall_at_one())])
def test_the_comparison_repeats_what_was_measured(rate: str, measured: dict[str, str]) -> None:
    page = (DOCS / "alternatives.md").read_text()
    heads = table_row(page, "recall at")
    row = table_row(page, f"{rate} false alert")
    shown = {name: value for name, value in by_subject(heads, row).items() if value != "not run"}
    assert shown == measured


def test_what_a_smaller_budget_costs_is_what_was_measured() -> None:
    part = EVALUATION[EVALUATION.index("### Recall at a false alert rate") :]
    measured = dict(zip(table_row(part, "attack"), table_row(part, "all attacks"), strict=True))
    said = re.search(
        r"(\d+) % of attacks.*?at 5 .*?(\d+) %\s+at 2 and (\d+) % at 1",
        (DOCS / "tuning.md").read_text(),
        re.DOTALL,
    )
    assert said
    assert [f"{share}%" for share in said.groups()] == [measured[f"{rate} /1,000"] for rate in (5, 2, 1)]


def test_sizes_of_rows_are_the_code_s() -> None:
    page = (DOCS / "sizing.md").read_text()
    rows = [int(size.replace(",", "")) for size in re.findall(r"a row of ([\d,]+)\)", page)]
    assert rows == [PROFILE_DTYPE.itemsize, WINDOW_DTYPE.itemsize], "run: python -m benchmarks.memory"


def test_throughput_is_that_of_the_readme() -> None:
    readme = Path("README.md").read_text()
    for figure in re.findall(r"one core \| ([\d]+),000 events/s", (DOCS / "sizing.md").read_text()):
        assert f"({figure} k" in readme
