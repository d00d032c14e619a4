"""Settings of what an event is enriched with, scored by, and what is kept of it."""

from __future__ import annotations

import msgspec


class GeoipConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """MMDB files, later ones fill what earlier ones leave empty. None: the country database we ship.

    ``lists``: name -> file of networks worth a word (``tor``, ``vpn``, ``hosting``): an address, CIDR or
    AS number a line. Databases and lists are read again when they change.
    """

    databases: list[str] = []
    lists: dict[str, str] = {}


class DetectConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """See ``monitor.detect.DetectSettings`` and ``monitor.engine.EngineSettings``.

    ``honey_keys``: ids of keys that nobody may use; one request with one is proof.
    """

    evidence_bits: float = 6.0
    finding_bits: float = 12.0
    refire_min: int = 60
    hold_risk: float = 0.5
    hold_min: int = 360
    lateness_min: int = 2
    max_future_s: float = 300.0
    honey_keys: list[str] = []


class StateConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``commit_every_s``: how often work is made durable. ``cached_keys``: profiles kept in memory
    for each partition; beyond it those that are idle are dropped.
    """

    commit_every_s: float = 1.0
    cached_keys: int = 1_000_000


class ForestConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """When the IsolationForest is trained, and from how many windows at least."""

    train_every_min: float = 60.0
    min_samples: int = 500
    seed: int = 20_240_601
