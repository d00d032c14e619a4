"""The compose file: by its own specification, and that what it mounts and names is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from monitor.config import load
from tests.chart.rendering import tool
from tests.servers import KAFKA_VERSION

FOLDER: Final = Path("deploy/compose")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: Final = COMPOSE["services"]
EXPECTED: Final = {"kafka", "topics", "redis", "keywatch", "prometheus", "grafana"}


def test_the_specification_accepts_it() -> None:
    """By compose-go, the library of ``docker compose`` itself."""
    command = [tool("compose-spec"), str(FOLDER / "compose.yaml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == EXPECTED


def mounts() -> list[tuple[str, str]]:
    return [(name, mount.split(":")[0]) for name in SERVICES for mount in SERVICES[name].get("volumes", [])]


@pytest.mark.parametrize(("service", "source"), mounts())
def test_what_is_mounted_is_there(service: str, source: str) -> None:
    if source.startswith("."):
        assert (FOLDER / source).exists(), service
    else:
        assert source in COMPOSE["volumes"], service


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_ports_are_local_and_images_have_a_version(name: str) -> None:
    service = SERVICES[name]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert re.search(r":(v?\d+\.\d+|local)", service["image"])


@pytest.mark.parametrize("name", ["redis", "keywatch", "prometheus", "grafana"])
def test_what_can_be_hardened_is(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_keywatch_reads_its_settings_and_the_topics_are_made() -> None:
    config = load(FOLDER / "config/keywatch.yaml", {})
    made = SERVICES["topics"]["command"][0]
    assert f'"{config.kafka.topic} 8"' in made
    assert f'"{config.kafka.topic}.dead-letter 1"' in made
    assert config.kafka.bootstrap.split(":")[0] in SERVICES
    assert "noeviction" in SERVICES["redis"]["command"]


def test_kafka_is_the_version_that_is_tested() -> None:
    assert SERVICES["kafka"]["image"] == SERVICES["topics"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_prometheus_takes_its_settings() -> None:
    path = str(FOLDER / "prometheus.yaml")
    command = [tool("promtool"), "check", "config", "--syntax-only", path]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    scraped = yaml.safe_load(Path(path).read_text())["scrape_configs"][0]["dns_sd_configs"][0]
    assert scraped["names"] == ["keywatch"]
    assert f"KEYWATCH_METRICS__PORT={scraped['port']}" in Path("Dockerfile").read_text()


def test_grafana_finds_data_and_dashboards() -> None:
    folder = FOLDER / "grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/keywatch.yaml").read_text())["providers"]
    assert f":{provider['options']['path']}:ro" in str(SERVICES["grafana"]["volumes"])
