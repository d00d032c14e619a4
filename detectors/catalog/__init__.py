"""Every detector, one a file, and the order that numbers them in a profile row."""

from __future__ import annotations

from typing import Final

from detectors.base import SightDetector, WindowDetector
from detectors.catalog.geo_shift import GeoShift
from detectors.catalog.ip_shift import IpShift
from detectors.catalog.isolation_forest import IsolationForestDetector
from detectors.catalog.volume import Volume

DETECTORS: Final = ("geo_shift", "ip_shift", "volume", "isolation_forest")
"""A detector's number is its place here; it is stored in profile rows, so append only."""


def sight_detectors() -> tuple[SightDetector, ...]:
    """Those that score networks met for the first time."""
    return (GeoShift(), IpShift())


def window_detectors() -> tuple[WindowDetector, ...]:
    """Those that score windows."""
    return (Volume(), IsolationForestDetector())
