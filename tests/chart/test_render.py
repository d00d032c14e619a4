"""Every ci/ file by both engines, against the schemas of every Kubernetes we name."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Final

import kubernetes_validate
import pytest
import yaml

from tests.chart.rendering import CHART, CI_FILES, Manifest, by_command, from_file, helm

VERSIONS: Final = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
OF_OPERATORS: Final = {"ServiceMonitor", "PrometheusRule", "ScaledObject", "HTTPRoute"}
"""Their schemas are not Kubernetes' own; the tests beside this one look at what is in them."""


def ids(path: Path) -> str:
    return path.name.removesuffix("-values.yaml")


@cache
def valid(text: str, version: str) -> bool:
    """Raises what is wrong. Cached: most manifests are the same in most files."""
    kubernetes_validate.validate(json.loads(text), version, strict=True)
    return True


def known(manifests: list[Manifest]) -> list[Manifest]:
    return [found for found in manifests if found["kind"] not in OF_OPERATORS]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_rendered_is_valid_for_this_kubernetes(version: str) -> None:
    for path in CI_FILES:
        for manifest in known(from_file(path)):
            assert valid(json.dumps(manifest, sort_keys=True), version)


def test_the_validation_is_strict() -> None:
    (claim,) = [m for m in from_file(CHART / "ci/minimal-values.yaml") if m["kind"] == "StatefulSet"]
    claim["spec"]["replicaz"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(claim, VERSIONS[0], strict=True)


def in_order(manifests: list[Manifest]) -> list[Manifest]:
    return sorted(manifests, key=lambda m: (m["kind"], m["metadata"]["name"]))


@pytest.mark.parametrize("path", CI_FILES, ids=ids)
def test_helm_3_renders_the_same(path: Path) -> None:
    assert in_order(by_command(path)) == in_order(from_file(path))


@pytest.mark.parametrize("path", CI_FILES, ids=ids)
def test_helm_finds_nothing_to_complain_of(path: Path) -> None:
    said = helm("lint", str(CHART), "--strict", "-f", str(path))
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said
    assert "[ERROR]" not in said


def test_every_name_is_short_enough_for_the_longest_release_name() -> None:
    said = helm("template", "r" * 53, str(CHART), "-f", str(CHART / "ci/split-values.yaml"))
    names = [m["metadata"]["name"] for m in yaml.safe_load_all(said) if m]
    assert max(len(name) for name in names) <= 52
