"""The image's recipe, as far as it can be looked at without an engine: no image is built in these tests."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

from tests.chart.rendering import named, rendered

DOCKERFILE: Final = Path("Dockerfile").read_text()
PROJECT: Final[dict[str, Any]] = tomllib.loads(Path("pyproject.toml").read_text())
RUNTIME: Final = Path("deploy/image/runtime.lock")
PACKAGES: Final = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
EXTRAS: Final = ("fast", "aws", "console", "otel", "registry")


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_hadolint_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), "Dockerfile"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_image_has_the_versions_that_were_tested() -> None:
    tested = pins(Path("requirements.lock"))
    assert pins(RUNTIME).items() <= tested.items()


def test_every_pin_has_hashes() -> None:
    for path in (RUNTIME, RUNTIME.with_name("build.lock")):
        for pin in re.split(r"\n(?=\S+==)", path.read_text().strip()):
            assert "--hash=sha256:" in pin, f"{path}: {pin}"


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~! ;]", requirement)[0].lower().replace("_", "-")


def test_the_image_has_everything_keywatch_needs_and_no_test_tool() -> None:
    optional = PROJECT["project"]["optional-dependencies"]
    wanted = PROJECT["project"]["dependencies"] + [need for extra in EXTRAS for need in optional[extra]]
    assert {name_of(need) for need in wanted} <= set(pins(RUNTIME))
    assert not {"pytest", "ruff", "mypy", "moto"} & set(pins(RUNTIME))


def test_every_package_of_the_wheel_is_copied_and_none_is_ignored() -> None:
    copied = set(re.findall(r"^COPY (\w+)/ \1/$", DOCKERFILE, re.MULTILINE))
    assert copied == set(PACKAGES)
    kept = {line[1:] for line in Path(".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(PACKAGES) <= kept


def test_it_runs_as_the_user_of_the_chart() -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    security = named(rendered(), "StatefulSet")["spec"]["template"]["spec"]["securityContext"]
    assert user == (str(security["runAsUser"]), str(security["runAsGroup"]))
    assert "HEALTHCHECK" in DOCKERFILE
    assert '["keywatch", "health"]' in DOCKERFILE
