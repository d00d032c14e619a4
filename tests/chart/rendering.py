"""The chart rendered by two engines: Helm 4's library from PyPI, and the ``helm`` command where it is."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import helm_python
import yaml

from tests.servers import absent

CHART: Final = Path("helm/keywatch")
CI_FILES: Final = tuple(sorted(CHART.glob("ci/*-values.yaml")))
KUBE_VERSION: Final = "1.33"
TOOLS: Final = Path(os.environ.get("KEYWATCH_TOOLS", Path.home() / ".cache/keywatch/bin"))
BASE: Final = {"config": {"kafka": {"bootstrap": "kafka:9092"}, "redis": {"url": "redis://redis:6379/0"}}}
Manifest = dict[str, Any]
Values = Mapping[str, Any]


def tool(name: str) -> str:
    """Path of a command; skips (in CI: fails) where it is not."""
    found = shutil.which(name) or shutil.which(name, path=str(TOOLS))
    return found or absent(f"{name} is neither on PATH nor in {TOOLS}; tests/get_tools.sh builds it")


@functools.cache
def chart() -> helm_python.Chart:
    """The chart, read once."""
    return helm_python.Chart.load(CHART)


def rendered(values: Values | None = None, **more: Any) -> list[Manifest]:
    """Manifests for ``values`` over the least that must be said. Raises ``HelmError`` when refused."""
    merged = _merged(_merged(BASE, values or {}), more)
    return _manifests(chart().render(merged, name="rel", namespace="security"))


CONSOLE: Final[Values] = {
    "console": {"enabled": True},
    "secrets": {"consoleTokens": {"existingSecret": "console", "key": "tokens"}},
}
"""The least with which somebody may come in."""


def main(manifests: list[Manifest], kind: str = "StatefulSet", name: str = "") -> Any:
    """The container of a workload."""
    return named(manifests, kind, name)["spec"]["template"]["spec"]["containers"][0]


def env(container: Any) -> dict[str, Any]:
    """Its variables with a plain value."""
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


def from_file(path: Path) -> list[Manifest]:
    """Manifests for a values file, by the library."""
    values = yaml.safe_load(path.read_text())
    return _manifests(chart().render(values, name="rel", namespace="security"))


def by_command(path: Path) -> list[Manifest]:
    """The same by the ``helm`` command."""
    out = helm("template", "rel", str(CHART), "--namespace", "security", "-f", str(path))
    return [found for found in yaml.safe_load_all(out) if found]


def helm(*arguments: str) -> str:
    """Output of ``helm``; its error when it fails."""
    command = [tool("helm"), *arguments, "--kube-version", KUBE_VERSION]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise helm_python.HelmError(done.stderr)
    return done.stdout


def _manifests(files: Any) -> list[Manifest]:
    texts = [text for name, text in sorted(files.items()) if not name.endswith("NOTES.txt")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def _merged(under: Values, over: Values) -> dict[str, Any]:
    out = json.loads(json.dumps(under))
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(name), Mapping)
        out[name] = _merged(out[name], value) if both else value
    return dict(out)


def named(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The only manifest of this kind (and name)."""
    found = [m for m in manifests if m["kind"] == kind and name in ("", m["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} {kind} {name}: {kinds(manifests)}"
    return found[0]


def kinds(manifests: list[Manifest]) -> list[str]:
    """Kinds with names, sorted."""
    return sorted(f"{m['kind']}/{m['metadata']['name']}" for m in manifests)


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """Every pod spec, that of the test too."""
    for manifest in manifests:
        if manifest["kind"] in ("StatefulSet", "Deployment"):
            yield manifest["spec"]["template"]["spec"]
        if manifest["kind"] == "Pod":
            yield manifest["spec"]


def settings(manifests: list[Manifest]) -> dict[str, Any]:
    """keywatch.yaml of the ConfigMap."""
    found = named(manifests, "ConfigMap", "rel-keywatch")["data"]["keywatch.yaml"]
    return dict(yaml.safe_load(found))
