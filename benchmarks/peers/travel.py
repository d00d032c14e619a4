"""Impossible travel, at the published thresholds of four products and with the hygiene their rules have.

Speed is that between two consecutive requests of a key from different networks. Sources: panther-analysis
impossible_travel_login.py; elastic/detection-rules (800 km/h and 500 km within 90 minutes, an
A-B-A pair once in 30 minutes); BuffaLogs (300 km/h, 100 km); crowdsecurity/impossible-travel (1000 km in
3 hours). Networks on a list (VPN, Tor) are not judged, as Panther and Elastic do; short ways neither.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.peers.base import Input, Peer, at_events
from benchmarks.peers.stream import Floats, Ints, Stream
from monitor.evaluation.run import Raised

EARTH_KM: Final = 6371.0
NEAR_KM: Final = 50.0
"""Panther: under 50 km apart says little of the speed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``km_h`` and ``km`` at least, between requests at most ``within_h`` apart; one pair of places is told
    once in ``quiet_min``."""

    name: str
    km_h: float
    km: float
    within_h: float = float("inf")
    quiet_min: float = 0.0
    unlisted_only: bool = True


RULES: Final = (
    Rule("Panther", 900, NEAR_KM),
    Rule("Elastic", 800, 500, within_h=1.5, quiet_min=30),
    Rule("BuffaLogs", 300, 100, unlisted_only=False),
    Rule("CrowdSec", 1000 / 3, 1000, within_h=3, unlisted_only=False),
)


def peers() -> list[Peer]:
    """One peer a rule; a score of 1 is the published speed, and sweeps multiply it."""
    return [Peer(rule.name, _runner(rule), at=1.0) for rule in RULES]


def _runner(rule: Rule) -> Callable[[Input], list[Raised]]:
    return lambda given: _alerts(given.stream, rule)


def _alerts(stream: Stream, rule: Rule) -> list[Raised]:
    later, earlier = _moves(stream, rule.unlisted_only)
    km = _distance(stream, earlier, later)
    ts = stream.column["ts_ms"]
    hours = np.maximum(ts[later] - ts[earlier], 1) / 3.6e6
    speed = km / hours
    hit = np.flatnonzero((speed >= rule.km_h) & (km >= rule.km) & (hours <= rule.within_h))
    hit = _once(stream, earlier, later, hit, rule.quiet_min)
    order = hit[np.argsort(later[hit], kind="stable")]
    return at_events(stream, later[order], speed[order] / rule.km_h, rule.name)


def _moves(stream: Stream, unlisted_only: bool) -> tuple[Ints, Ints]:
    """Consecutive requests of a key, in event time, whose networks differ and whose places are known."""
    column = stream.column
    usable = np.isfinite(column["lat"]) & ((column["listed"] == 0) | (not unlisted_only))
    rows = np.flatnonzero(usable)
    rows = rows[np.lexsort((column["ts_ms"][rows], stream.key[rows]))]
    earlier, later = rows[:-1], rows[1:]
    moved = (stream.key[earlier] == stream.key[later]) & (
        column["prefix"][earlier] != column["prefix"][later]
    )
    return later[moved], earlier[moved]


def _distance(stream: Stream, a: Ints, b: Ints) -> Floats:
    """Kilometres on the great circle (haversine)."""
    lat, lon = (np.radians(stream.column[name].astype(float)) for name in ("lat", "lon"))
    north, east = np.sin((lat[b] - lat[a]) / 2) ** 2, np.sin((lon[b] - lon[a]) / 2) ** 2
    h = north + np.cos(lat[a]) * np.cos(lat[b]) * east
    km: Floats = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1)))
    return km


def _once(stream: Stream, earlier: Ints, later: Ints, hit: Ints, quiet_min: float) -> Ints:
    """Leave out what the same pair of countries of the same key said a short while ago."""
    if not quiet_min:
        return hit
    ts, country = stream.column["ts_ms"], stream.column["country"]
    last: dict[tuple[int, frozenset[int]], int] = {}
    kept = []
    for i in hit[np.argsort(ts[later[hit]], kind="stable")].tolist():
        pair = (int(stream.key[later[i]]), frozenset((int(country[later[i]]), int(country[earlier[i]]))))
        if int(ts[later[i]]) - last.get(pair, -(1 << 60)) >= quiet_min * 60_000:
            kept.append(i)
        last[pair] = int(ts[later[i]])
    return np.array(kept, np.int64)
