"""The site builds strictly, holds every page, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from tests.chart.rendering import named, rendered

ROOT: Final = Path(__file__).parents[2]
LOADS: Final = re.compile(
    r"""<(?:script|img|iframe)[^>]*\ssrc=["']?(?:https?:)?//|"""
    r"""<link[^>]*\brel=["']?(?:stylesheet|preconnect|icon)["']?[^>]*href=["']?(?:https?:)?//"""
)


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """``mkdocs build --strict`` of the folder that holds mkdocs.yml."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site")
    done = build(ROOT, made)
    assert done.returncode == 0, done.stderr
    return made


def test_every_page_is_on_the_site(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if not (site / page).with_suffix(".html").exists()] == []


@pytest.mark.parametrize(
    ("base", "suffix"), [("site", ".html"), ("repository", ".md")], ids=["the default", "a repository"]
)
def test_alerts_of_the_chart_link_to_pages_that_are_there(site: Path, base: str, suffix: str) -> None:
    folder = {"site": site, "repository": ROOT / "docs"}[base] / "runbooks"
    wanted: dict[str, Any] = {"enabled": True, "runbookBaseUrl": folder.as_uri()}
    if base != "site":
        wanted["runbookSuffix"] = suffix
    (group,) = named(rendered(metrics={"prometheusRule": wanted}), "PrometheusRule")["spec"]["groups"]
    links = [urlsplit(rule["annotations"]["runbook_url"]).path for rule in group["rules"]]
    assert len(links) > 10
    assert [link for link in links if not Path(link).is_file() or not link.endswith(suffix)] == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loading = [path.name for path in site.rglob("*.html") if LOADS.search(path.read_text())]
    assert loading == []
    assert not any(
        "http" in path.read_text() for path in site.rglob("*.css") if "@import" in path.read_text()
    )


def test_search_needs_no_server(site: Path) -> None:
    assert "impossible_travel" in (site / "search" / "search_index.js").read_text()


def small_site(root: Path, text: str) -> None:
    """One page with our settings and hooks."""
    settings: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    (root / "mkdocs.yml").write_text(yaml.safe_dump({**settings, "nav": [{"Home": "index.md"}]}))
    shutil.copytree(ROOT / "docs" / "hooks", root / "docs" / "hooks")
    (root / "docs" / "index.md").write_text(text)
    (root / "README.md").write_text("# here\n")


@pytest.mark.parametrize(
    ("text", "other", "said"),
    [
        ("[there](../README.md)", "", ""),
        ("[code](../nowhere.py)", "", "../nowhere.py"),
        ("[page](nowhere.md)", "", "nowhere.md"),
        ("[part](index.md#nowhere)", "", "#nowhere"),
        ("text", "lost.md", "lost.md"),
    ],
)
def test_a_dead_link_or_a_page_outside_the_navigation_fails_the_build(
    tmp_path: Path, text: str, other: str, said: str
) -> None:
    small_site(tmp_path, text)
    if other:
        (tmp_path / "docs" / other).write_text("# lost\n")
    done = build(tmp_path, tmp_path / "site")
    assert (done.returncode != 0) == bool(said), done.stderr
    assert said in done.stderr


def test_the_commands_that_make_pages_are_commands() -> None:
    page = (ROOT / "docs" / "contributing.md").read_text()
    modules = re.findall(r"`python -m ([\w.]+)`", page)
    assert len(modules) == 4
    assert all(find_spec(module) for module in modules)
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"\bmake (\w+)\b", page))
