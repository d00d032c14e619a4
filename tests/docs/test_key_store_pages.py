"""The pages on key stores: one a kind, their settings load, their figures are the adapters'."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml

from monitor.config import KeystoreConfig
from monitor.config_keystore import Kind, section_of
from tests.vendors.bench import VARIANTS, AdapterBench, bench_for

PAGES = Path(__file__).parents[2] / "docs" / "key-stores"
KINDS = [kind for kind in get_args(Kind) if kind != "redis"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("kind", [*KINDS, "index"])
def test_settings_on_a_page_are_settings(kind: str) -> None:
    trees = [yaml.safe_load(text)["keystore"] for text in blocks(kind, "yaml")]
    assert trees
    for tree in trees:
        config = msgspec.convert(tree, KeystoreConfig)
        assert kind in (config.kind, "index")
        assert getattr(config, section_of(config.kind)) is not None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "webhook"])
def test_policies_on_a_page_are_json(kind: str) -> None:
    for text in blocks(kind, "json"):
        json.loads(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_says_what_an_operator_needs(kind: str) -> None:
    page = (PAGES / f"{kind}.md").read_text()
    assert "## Settings" in page
    assert "## Limits" in page
    assert "## Least privilege" in page or kind in ("kong", "webhook")
    assert f"({kind}.md)" in (PAGES / "index.md").read_text()


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "webhook" not in name])
def test_the_table_has_the_adapters_own_figures(variant: str, tmp_path: Path) -> None:
    with bench_for(variant, tmp_path) as bench:
        assert f"| {_effect(bench)}" in _row(bench)


def _row(bench: AdapterBench) -> str:
    (row,) = re.findall(rf"^\| \[`{bench.vendor.kind}`\].*$", (PAGES / "index.md").read_text(), re.MULTILINE)
    return str(row)


def _effect(bench: AdapterBench) -> str:
    seconds = bench.store.capabilities().propagation_s
    return f"{seconds:g} s" if seconds else "at once"
