"""A closed window teaches its key's profile. One pass over all windows of one minute.

Exponential averages forget at the horizons of ``domain.profile``; weights of networks and clients are
counted in windows and fade over a month, so that a key used once a day keeps what it knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.catalog.off_hours import SILENT
from detectors.endpoints import never_called
from detectors.features import Matrix
from detectors.novelty import MIN_WINDOWS, is_new, settled
from detectors.objects import new_objects, remember
from detectors.ramp import closed_hour
from detectors.rates import advance
from detectors.surge import surge_amounts
from domain.profile import (
    LISTS_MAX,
    MET_SLOTS,
    NEVER,
    asn_bin,
    prefix_bin,
)
from monitor.baseline.slots import learn

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]

NETWORK_MEMORY_MIN: Final = 30 * 1440.0
"""Networks fade by e in thirty days: Datadog's new-value rules forget after 1 to 28 days."""
SHARE_MEMORY: Final = 200.0
"""Windows over which shares and features are averaged."""
MISSING_MIN: Final = 1440
"""A longer silence is a holiday, an outage or lost data."""
SEASON_WEEKS: Final = 4
"""Weeks over which an hour of the week is averaged."""
HOUR_OF_WEEK_AT_EPOCH: Final = 72
"""1970-01-01 was a Thursday; hour 0 of the week is Monday 00:00 UTC."""
FRESH_MEMORY_MIN: Final = 60.0
"""How long many keys from one new network stay together."""
HOUR_MIN: Final = 60.0
PLACE_DEGREES: Final = 1.0
"""Two places within a degree (about 100 km) are one."""


def count_window(profiles: Rows, windows: Rows) -> None:
    """What every closed window adds, whether it teaches or not: ``profiles`` and ``windows`` are (n,)."""
    profiles["events"] += windows["count"]
    fresh = profiles["first_ms"] == 0
    profiles["first_ms"] = np.where(fresh, windows["first_ms"], profiles["first_ms"])
    _remember_place(profiles, windows)
    _remember_home(profiles, windows)
    gap = np.maximum(windows["minute"] - profiles["last_ms"] // 60_000, 0)
    for name in ("refused_hour", "new_objects_hour", "requests_hour"):
        profiles[name] *= np.exp(-gap / HOUR_MIN).astype(np.float32)
    profiles["refused_hour"] += surge_amounts(windows)[:, 0].astype(np.float32)
    profiles["requests_hour"] += windows["count"].astype(np.float32)
    profiles["new_objects_hour"] += new_objects(windows, profiles).astype(np.float32)
    _remember_endpoints(profiles, windows)
    back = (windows["first_ms"] - profiles["last_ms"]) // 60_000
    silence = np.where(fresh | (back < 0), 0, back).astype(np.uint32)
    profiles["longest_gap"] = np.maximum(profiles["longest_gap"], silence)
    profiles["last_ms"] = np.maximum(profiles["last_ms"], windows["last_ms"])


def _remember_endpoints(profiles: Rows, windows: Rows) -> None:
    """Templates that the key never called stay together while it goes on to meet some."""
    new, together = never_called(windows, profiles)
    rows = np.flatnonzero(new.any(axis=1))
    profiles["fresh_endpoints"][rows] = together[rows]
    profiles["fresh_endpoints_minute"][rows] = windows["minute"][rows]


def _remember_home(profiles: Rows, windows: Rows) -> None:
    """The key was used from a network it knows."""
    counted = windows["net_count"] > 0
    known = (windows["prefix"][:, :, None] == profiles["prefix"][:, None, :]) & (
        profiles["prefix_weight"][:, None, :] > 0
    )
    home = (known.any(axis=2) & counted).any(axis=1)
    profiles["last_home"] = np.where(home, windows["minute"], profiles["last_home"])


def _remember_place(profiles: Rows, windows: Rows) -> None:
    """Where the window was busiest, for the next one's travel speed."""
    rows = np.arange(len(windows))
    located = np.where(np.isfinite(windows["lat"]), windows["net_count"], 0)
    busiest = located.argmax(axis=1)
    known = located[rows, busiest] > 0
    for name in ("lat", "lon"):
        column = f"last_{name}"
        profiles[column] = np.where(known, windows[name][rows, busiest], profiles[column])


def count_fresh(profiles: Rows, windows: Rows, fleet: Rows, minute: int) -> None:
    """Keys that met a network for the first time, by network, fading over an hour: before they learn it.

    Each key counts once for a network, and not while it rotates over many. Windows under a hold count
    too: a thief with many keys must not hide behind the first finding.
    """
    fresh = fleet["prefix_fresh"][0]
    fresh *= np.float32(np.exp(-max(minute - int(fleet["fresh_minute"][0]), 0) / FRESH_MEMORY_MIN))
    fleet["fresh_minute"] = minute
    few = np.bitwise_count(windows["prefix_sketch"]).sum(axis=1) <= MET_SLOTS
    known_key = (profiles["windows"] >= MIN_WINDOWS) & few & settled(profiles)
    for j in range(_slots_used(windows["net_count"])):
        rows = np.flatnonzero((windows["net_count"][:, j] > 0) & known_key)
        rows = rows[is_new(profiles[rows], "prefix", windows["prefix"][rows, j])]
        values = windows["prefix"][rows, j]
        counted = (profiles["met_prefix"][rows] == values[:, None]).any(axis=1)
        rows, values = rows[~counted], values[~counted]
        profiles["met_prefix"][rows] = np.roll(profiles["met_prefix"][rows], 1, axis=1)
        profiles["met_prefix"][rows, 0] = values
        np.add.at(fresh, prefix_bin(values), np.float32(1.0))


def teach(profiles: Rows, windows: Rows, features: Matrix, fleet: Rows, minute: int) -> None:
    """Update ``profiles`` (n,) and ``fleet`` (1,) in place from ``windows`` (n,), all of ``minute``.

    ``features`` (n, FEATURES) are theirs, by :func:`detectors.features.raw_features`.
    """
    count = windows["count"].astype(np.float64)
    gap = np.where(profiles["last_window"] < 0, 1, minute - profiles["last_window"])
    gap = np.maximum(gap, 1).astype(np.float64)
    advance(profiles, gap, count)
    _teach_hours(profiles, windows["count"], minute)
    _teach_networks(profiles, windows, fleet, gap)
    _teach_clients(profiles, windows, gap)
    _teach_shares(profiles, windows, features)
    _teach_surges(profiles, windows)
    _teach_lists(profiles, windows, fleet)
    # multiples of 2^-20: exact sums, whatever the order
    logs = np.round(np.log1p(count) * 2.0**20) / 2.0**20
    fleet["log_rate_sum"] += logs.sum()
    fleet["log_rate_square"] += (np.round(logs * logs * 2.0**20) / 2.0**20).sum()
    fleet["log_rate_n"] += len(profiles)
    fleet["keys"] += np.uint32(np.count_nonzero(profiles["windows"] == 0))
    profiles["learned"] += windows["count"]
    profiles["windows"] += 1
    profiles["last_window"] = minute


def _teach_lists(profiles: Rows, windows: Rows, fleet: Rows) -> None:
    profiles["listed"] |= np.bitwise_or.reduce(windows["net_listed"], axis=1)
    first = np.unpackbits(profiles["listed"] & ~profiles["listed_counted"], bitorder="little")
    fleet["listed_keys"] += first.reshape(-1, LISTS_MAX).sum(axis=0, dtype=np.uint32)
    profiles["listed_counted"] = profiles["listed"]


def skip(profiles: Rows, minute: int) -> None:
    """Windows that must not teach: the profile's clock stands still over them."""
    profiles["last_window"] = np.where(profiles["last_window"] < 0, -1, minute)


def _teach_hours(profiles: Rows, count: npt.NDArray[np.uint32], minute: int) -> None:
    hour = minute // 60
    started = profiles["hour_open"] >= 0
    profiles["hour_open"][~started] = hour
    while (behind := np.flatnonzero(profiles["hour_open"] < hour)).size:
        open_hour = profiles["hour_open"][behind]
        away = minute - profiles["last_window"][behind] > MISSING_MIN
        _close_hour(profiles, behind, (open_hour + HOUR_OF_WEEK_AT_EPOCH) % 168, away)
        stale = hour - open_hour > 168
        profiles["hour_open"][behind] = np.where(stale, hour - 168, open_hour + 1)
        profiles["hour_open_count"][behind] = 0
    profiles["hour_open_count"] += count


def _close_hour(profiles: Rows, rows: Ints, hour_of_week: Ints, away: npt.NDArray[np.bool_]) -> None:
    """``away`` (m,): in a silence of over a day, which teaches no zero to an hour that was in use before.

    So a missing week, or a holiday, leaves the week as it was, and weekends are learned to be silent.
    """
    profiles[rows] = closed_hour(profiles[rows])
    used = profiles["hour_level"][rows, hour_of_week] > SILENT
    teaches = ~(away & used & (profiles["hour_open_count"][rows] == 0))
    rows, hour_of_week = rows[teaches], hour_of_week[teaches]
    weeks = profiles["hour_weeks"][rows, hour_of_week].astype(np.float32)
    level = profiles["hour_level"][rows, hour_of_week].astype(np.float32)
    seen = np.log2(1.0 + profiles["hour_open_count"][rows].astype(np.float64)).astype(np.float32)
    step = np.float32(1.0) / np.minimum(weeks + 1, SEASON_WEEKS)
    profiles["hour_level"][rows, hour_of_week] = level + (seen - level) * step
    profiles["hour_weeks"][rows, hour_of_week] = np.minimum(weeks + 1, 255)


def _teach_networks(profiles: Rows, windows: Rows, fleet: Rows, gap: npt.NDArray[np.float64]) -> None:
    fade = np.exp(-gap / NETWORK_MEMORY_MIN).astype(np.float32)
    seen_before = profiles["windows"] > 0
    for name in ("country_weight", "asn_weight", "prefix_weight", "place_weight"):
        profiles[name] *= fade[:, None]
    for name in (
        "novel_windows",
        "novel_country",
        "novel_asn",
        "novel_prefix",
        "novel_client",
        "novel_endpoint",
    ):
        profiles[name] *= fade
    profiles["novel_windows"] += np.float32(1.0)
    _teach_origin(profiles, windows, fleet, seen_before)
    _teach_places(profiles, windows)
    spread = np.bitwise_count(windows["prefix_sketch"]).sum(axis=1).astype(np.float32)
    step = _step(profiles)
    profiles["spread_mean"] += (spread - profiles["spread_mean"]) * step
    profiles["spread_square"] += (spread * spread - profiles["spread_square"]) * step


def _teach_origin(profiles: Rows, windows: Rows, fleet: Rows, seen_before: npt.NDArray[np.bool_]) -> None:
    """Each distinct country, ASN and network of the window weighs one window."""
    bins: dict[str, Callable[[Any], Ints]] = {"country": _country_bin, "asn": asn_bin, "prefix": prefix_bin}
    used = _slots_used(windows["net_count"])
    for name, to_bin in bins.items():
        values = windows[name]
        met = np.zeros(len(profiles), bool)
        for j in range(used):
            active = (windows["net_count"][:, j] > 0) & (values[:, j] != 0)
            for earlier in range(j):
                active &= values[:, j] != values[:, earlier]
            if not active.any():
                continue
            table, weight = profiles[name], profiles[f"{name}_weight"]
            new = learn(table, weight, np.ascontiguousarray(values[:, j]), active)
            np.add.at(fleet[f"{name}_keys"][0], to_bin(values[new, j]), np.uint32(1))
            met |= new
        profiles[f"novel_{name}"] += (met & seen_before).astype(np.float32)


def _country_bin(country: npt.NDArray[np.uint16]) -> Ints:
    return country.astype(np.int64)


def _slots_used(counts: npt.NDArray[np.uint32]) -> int:
    """How many slots (n, S) any window has filled: they fill from the first on."""
    return int((counts > 0).any(axis=0).sum())


def _teach_places(profiles: Rows, windows: Rows) -> None:
    for j in range(_slots_used(windows["net_count"])):
        rows = np.flatnonzero((windows["net_count"][:, j] > 0) & np.isfinite(windows["lat"][:, j]))
        if not len(rows):
            continue
        lat, lon = windows["lat"][rows, j], windows["lon"][rows, j]
        weight = profiles["place_weight"][rows]
        near = (np.abs(profiles["place_lat"][rows] - lat[:, None]) < PLACE_DEGREES) & (weight > 0)
        near &= np.abs(profiles["place_lon"][rows] - lon[:, None]) < PLACE_DEGREES
        known = near.any(axis=1)
        slot = np.where(known, near.argmax(axis=1), weight.argmin(axis=1))
        new, at = rows[~known], slot[~known]
        profiles["place_lat"][new, at] = lat[~known]
        profiles["place_lon"][new, at] = lon[~known]
        profiles["place_weight"][new, at] = 0
        profiles["place_weight"][rows, slot] += np.float32(1.0)


def _teach_clients(profiles: Rows, windows: Rows, gap: npt.NDArray[np.float64]) -> None:
    profiles["client_weight"] *= np.exp(-gap / NETWORK_MEMORY_MIN).astype(np.float32)[:, None]
    met = np.zeros(len(profiles), bool)
    for j in range(_slots_used(windows["client_count"])):
        active = windows["client_count"][:, j] > 0
        values = np.ascontiguousarray(windows["client"][:, j])
        met |= learn(profiles["client"], profiles["client_weight"], values, active)
    profiles["novel_client"] += (met & (profiles["windows"] > 0)).astype(np.float32)


def _teach_shares(profiles: Rows, windows: Rows, raw: npt.NDArray[np.float32]) -> None:
    count = np.maximum(windows["count"], 1).astype(np.float32)
    step = _step(profiles)
    unused = (windows["endpoint_sketch"] & ~profiles["endpoint_seen"]).any(axis=1)
    profiles["novel_endpoint"] += (unused & (profiles["windows"] > 0)).astype(np.float32)
    profiles["endpoint_seen"] |= windows["endpoint_sketch"]
    remember(profiles, windows, step)
    wide = step[:, None]
    for name, window_name in (("endpoint_share", "endpoint"), ("status_share", "status")):
        share = windows[window_name] / count[:, None]
        profiles[name] += ((share - profiles[name]) * wide).astype(np.float32)
    profiles["write_share"] += (windows["writes"] / count - profiles["write_share"]) * step
    profiles["feature_mean"] += (raw - profiles["feature_mean"]) * wide
    profiles["feature_square"] += (raw * raw - profiles["feature_square"]) * wide


def _teach_surges(profiles: Rows, windows: Rows) -> None:
    amounts = np.log1p(surge_amounts(windows)).astype(np.float32)
    step = _step(profiles)[:, None]
    profiles["surge_mean"] += (amounts - profiles["surge_mean"]) * step
    profiles["surge_square"] += (amounts * amounts - profiles["surge_square"]) * step


def _step(profiles: Rows) -> npt.NDArray[np.float32]:
    """1 / (n + 1) at first, an exponential average later."""
    return np.maximum(1.0 / (profiles["windows"] + 1.0), 1.0 / SHARE_MEMORY).astype(np.float32)


def holding(profiles: Rows, minute: int) -> npt.NDArray[np.bool_]:
    """Rows whose open finding keeps this minute from teaching."""
    return (profiles["held_until"] != NEVER) & (profiles["held_until"] >= minute)


__all__ = ["count_fresh", "count_window", "holding", "skip", "teach"]
