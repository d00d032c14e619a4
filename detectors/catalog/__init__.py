"""Every detector, one a file, and the order that numbers them in a profile row."""

from __future__ import annotations

from typing import Final

from detectors.base import SightDetector, SurgeDetector, WindowDetector
from detectors.catalog.client_change import ClientChange
from detectors.catalog.dormant_key import DormantKey
from detectors.catalog.endpoint_mix import EndpointMix
from detectors.catalog.enumeration import Enumeration
from detectors.catalog.error_surge import ErrorSurge
from detectors.catalog.exfiltration import Exfiltration
from detectors.catalog.geo_shift import GeoShift
from detectors.catalog.impossible_travel import ImpossibleTravel
from detectors.catalog.ip_shift import IpShift
from detectors.catalog.isolation_forest import IsolationForestDetector
from detectors.catalog.listed_network import ListedNetwork
from detectors.catalog.method_shift import MethodShift
from detectors.catalog.off_hours import OffHours
from detectors.catalog.pattern import Pattern
from detectors.catalog.probing import Probing
from detectors.catalog.robotic import Robotic
from detectors.catalog.shared_origin import SharedOrigin
from detectors.catalog.slow_ramp import SlowRamp
from detectors.catalog.takeover import Takeover
from detectors.catalog.volume import Volume

DETECTORS: Final = (
    "geo_shift",
    "ip_shift",
    "volume",
    "isolation_forest",
    "impossible_travel",
    "listed_network",
    "shared_origin",
    "client_change",
    "endpoint_mix",
    "method_shift",
    "enumeration",
    "error_surge",
    "exfiltration",
    "off_hours",
    "dormant_key",
    "robotic",
    "slow_ramp",
    "takeover",
    "honey_key",
    "stopped_key",
    "probing",
    "leaked_secret",
    "pattern",
)
"""A detector's number is its place here; it is stored in profile rows, so append only. ``honey_key``,
``stopped_key`` and ``leaked_secret`` need no mathematics: such a request is the proof
(``monitor.outside``)."""


def sight_detectors(lists: tuple[str, ...] = ()) -> tuple[SightDetector, ...]:
    """Those that score networks met for the first time; ``lists`` names the operator's network lists."""
    return (GeoShift(), IpShift(), ImpossibleTravel(), ListedNetwork(lists), SharedOrigin())


def window_detectors() -> tuple[WindowDetector, ...]:
    """Those that score windows."""
    return (
        Volume(),
        IsolationForestDetector(),
        ClientChange(),
        EndpointMix(),
        MethodShift(),
        Enumeration(),
        OffHours(),
        DormantKey(),
        Robotic(),
        SlowRamp(),
        Takeover(),
        Probing(),
        Pattern(),
    )


def surge_detectors() -> tuple[SurgeDetector, ...]:
    """Those that score amounts inside open windows."""
    return (ErrorSurge(), Exfiltration())
