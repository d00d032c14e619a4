"""Where the concrete parts meet, and the only place that reads the machine's clock."""

from __future__ import annotations

import time
from pathlib import Path

from detectors.catalog import DETECTORS, sight_detectors, window_detectors
from monitor.config import Config
from monitor.detect import Detection, DetectSettings
from monitor.engine import Engine, EngineSettings
from monitor.enrich.enricher import Enricher
from monitor.enrich.geo import VENDORED, Geo


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


def enricher_for(config: Config) -> Enricher:
    """An enricher over the configured MMDB files, or the country database we ship."""
    paths = [Path(p) for p in config.geoip.databases] or [VENDORED]
    return Enricher(Geo(paths))


def engine_for(config: Config, topic: str) -> Engine:
    """Every detector of the catalogue, with the configured settings."""
    detect = config.detect
    settings = DetectSettings(
        finding_bits=detect.finding_bits,
        refire_min=detect.refire_min,
        hold_risk=detect.hold_risk,
        hold_min=detect.hold_min,
    )
    detection = Detection(topic, sight_detectors(), window_detectors(), DETECTORS, settings)
    return Engine(detection, EngineSettings(lateness_min=detect.lateness_min))
