"""keywatch takes the settings and policy of every ci/ file, with its Secrets where they are mounted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import certifi
import pytest
import yaml
from typer.testing import CliRunner

from monitor.cli import app
from monitor.config import load
from monitor.connect import kafka_settings, redis_tls
from tests.chart.rendering import CHART, CI_FILES, Manifest, from_file

MOUNTED: Final = re.compile(r"/(?:run/secrets|etc)/[\w./-]+")
"""A file of a pod, as the settings name it."""


def ids(path: Path) -> str:
    return path.name.removesuffix("-values.yaml")


def unpacked(manifests: list[Manifest], root: Path) -> Path:
    """keywatch.yaml, and each file it names under ``root``: certificates, policy, tokens, 64 characters."""
    text = _of_config_map(manifests, "keywatch.yaml")
    for name in set(MOUNTED.findall(text)):
        file = root / name[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_content(manifests, name))
        text = text.replace(name, str(file))
    (root / "keywatch.yaml").write_text(text)
    return root / "keywatch.yaml"


def _content(manifests: list[Manifest], name: str) -> str:
    if name.endswith(".crt"):
        return Path(certifi.where()).read_text()
    if name.endswith("policy.yaml"):
        return _of_config_map(manifests, "policy.yaml")
    if "consoleTokens" in name:
        return f'- {{name: ci, role: viewer, sha256: "{"0" * 64}"}}'
    return "0" * 64


def _of_config_map(manifests: list[Manifest], name: str) -> str:
    (found,) = (manifest["data"][name] for manifest in manifests if name in manifest.get("data", {}))
    return str(found)


@pytest.mark.parametrize("path", CI_FILES, ids=ids)
def test_config_check_accepts_what_every_feature_file_becomes(path: Path, tmp_path: Path) -> None:
    settings = unpacked(from_file(path), tmp_path)
    done = CliRunner().invoke(app, ["config", "check", "-c", str(settings)])
    assert done.exit_code == 0, done.output
    config = load(settings, {})
    assert kafka_settings(config, config.kafka.topic).bootstrap == config.kafka.bootstrap
    assert bool(redis_tls(config.redis)) == config.redis.url.startswith("rediss")


def test_a_setting_that_does_not_fit_the_others_is_found(tmp_path: Path) -> None:
    settings = unpacked(from_file(CHART / "ci/logins-values.yaml"), tmp_path)
    settings.write_text(settings.read_text().replace("registry:", "registry:\n  user: somebody"))
    done = CliRunner().invoke(app, ["config", "check", "-c", str(settings)])
    assert (done.exit_code == 0, "registry.user" in done.output) == (False, True)


def test_every_secret_is_in_a_feature_file() -> None:
    every: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())["secrets"]
    used = {name for path in CI_FILES for name in yaml.safe_load(path.read_text()).get("secrets", {})}
    assert used == set(every)
