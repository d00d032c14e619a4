"""Windows of a key as numbers, for algorithms that take vectors: what is counted, and what is new in it.

Every algorithm gets the same table, and more than plain use of it would have: each count also as a
deviation from the key's own past, and how much of the window comes from what the key never had before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.peers.stream import Floats, Ints, Stream

MINUTE_MS: Final = 60_000
FRESH_MS: Final = 6 * 3_600_000
"""A value stays new for so long after the key's first use of it."""
LEARN_MS: Final = 2 * 86_400_000
"""What a key does in its first two days is not new."""
COUNTS: Final = (
    "requests", "bytes out", "bytes a request", "latency", "401 and 403", "404", "429", "5xx", "writes",
    "networks", "countries", "clients", "endpoints", "objects a request",
)  # fmt: skip
NEW: Final = ("country", "asn", "prefix", "client", "endpoint")
FLOORS: Final = np.array([0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.35, 0.2, 0.2, 0.35, 0.15])
"""Least deviation of each count, in its unit: a key that never varied has not shown that it cannot."""
PRIOR: Final = 10.0
MOST: Final = 8.0
"""Deviations beyond are cut."""


@dataclass(frozen=True, slots=True)
class Table:
    """Windows (n) in order of time, then key. ``counts`` (n, 14) in natural units, logs of sizes;
    ``own`` (n, 14) the same as deviations from the key's past windows; ``new`` (n, 5) shares; ``quiet``
    (n, 2): how unusual the hour is for the key, and its silence before, in log minutes; ``past`` (n,) how
    many windows the key had before."""

    minutes: int
    key: Ints
    end_ms: Ints
    counts: Floats
    own: Floats
    new: Floats
    quiet: Floats
    past: Ints

    def vectors(self) -> Floats:
        """All that describes a window beside its key: (n, 21), each 0 to 8; less than usual is no misuse,
        and leaving it out makes every algorithm better here."""
        return np.hstack([np.clip(self.own, 0, MOST), 4 * self.new, np.minimum(self.quiet, MOST)])


def table(stream: Stream, minutes: int) -> Table:
    """The windows of a corpus, ``minutes`` long."""
    size = minutes * MINUTE_MS
    slot = stream.column["ts_ms"] // size
    base = int(slot.min())
    code = (slot - base) * len(stream.key_ids) + stream.key
    codes, group = np.unique(code, return_inverse=True)
    key, end = codes % len(stream.key_ids), (codes // len(stream.key_ids) + base + 1) * size
    counts = _counts(stream, group, len(codes))
    own, past = _own(key, counts)
    return Table(
        minutes, key, end, counts, own, _new(stream, group, len(codes)), _quiet(key, end, minutes), past
    )


def _counts(stream: Stream, group: Ints, n: int) -> Floats:
    column, status = stream.column, stream.column["status"]
    requests = np.bincount(group, minlength=n).astype(float)

    def total(values: npt.NDArray[Any]) -> Floats:
        return np.bincount(group, weights=values.astype(float), minlength=n).astype(np.float64)

    def distinct(name: str) -> Floats:
        _, number = np.unique(column[name], return_inverse=True)
        pairs = np.unique(group * (int(number.max()) + 1) + number)
        return np.bincount(pairs // (int(number.max()) + 1), minlength=n).astype(float)

    bytes_out = total(np.maximum(column["bytes_out"], 0))
    shares = [(status == 401) | (status == 403), status == 404, status == 429, status >= 500, column["write"]]
    return np.column_stack(
        [
            np.log1p(requests),
            np.log1p(bytes_out),
            np.log1p(bytes_out / requests),
            np.log1p(total(np.maximum(column["latency_us"], 0)) / requests / 1000),
            *(total(share) / requests for share in shares),
            *(np.log1p(distinct(name)) for name in ("prefix", "country", "client", "endpoint")),
            distinct("path") / requests,
        ]
    )


def _own(key: Ints, counts: Floats) -> tuple[Floats, Ints]:
    """Deviations from the mean of the key's earlier windows, by their spread, and how many there were."""
    order = np.argsort(key, kind="stable")  # windows are in order of time
    rows, keys = counts[order], key[order]
    first = np.concatenate(([True], keys[1:] != keys[:-1]))
    start = np.maximum.accumulate(np.where(first, np.arange(len(keys)), 0))
    n = (np.arange(len(keys)) - start)[:, None].astype(float)
    mean = _before(rows, start) / np.maximum(n, 1)
    spread = np.maximum(_before(rows * rows, start) / np.maximum(n, 1) - mean**2, 0)
    z = (rows - mean) / np.sqrt((n * spread + PRIOR * FLOORS**2) / (n + PRIOR))
    out, past = np.empty_like(z), np.empty(len(keys), np.int64)
    out[order], past[order] = np.where(n > 0, z, 0.0), n[:, 0].astype(np.int64)
    return out, past


def _before(rows: Floats, start: Ints) -> Floats:
    """Sums of the key's rows before each."""
    sums = np.vstack([np.zeros(rows.shape[1]), np.cumsum(rows, axis=0)])
    return sums[np.arange(len(rows))] - sums[start]


def fresh(stream: Stream, name: str) -> npt.NDArray[np.bool_]:
    """Events (n,) whose ``name`` the key met for the first time not long ago, and not at its beginning."""
    ts = stream.column["ts_ms"]
    _, number = np.unique(stream.column[name], return_inverse=True)
    _, first, pair = np.unique(
        stream.key * (int(number.max()) + 1) + number, return_index=True, return_inverse=True
    )
    _, begun = np.unique(stream.key, return_index=True)
    met = ts[first][pair]
    return (ts - met < FRESH_MS) & (met - ts[begun][stream.key] > LEARN_MS)


def _new(stream: Stream, group: Ints, n: int) -> Floats:
    requests = np.bincount(group, minlength=n)
    return np.column_stack(
        [np.bincount(group, weights=fresh(stream, name), minlength=n) / requests for name in NEW]
    )


def _quiet(key: Ints, end: Ints, minutes: int) -> Floats:
    """Share of earlier days on which the key was idle at this hour (0 until two days), and log silence."""
    hour, day = end // 3_600_000 % 24, end // 86_400_000
    order = np.argsort(key, kind="stable")
    seen: dict[tuple[int, int], set[int]] = {}
    begun: dict[int, int] = {}
    last: dict[int, int] = {}
    idle, gap = np.zeros(len(key)), np.zeros(len(key))
    for i in order.tolist():
        k, h, d = int(key[i]), int(hour[i]), int(day[i])
        days = d - begun.setdefault(k, d)
        used = seen.setdefault((k, h), set())
        idle[i] = 1 - len(used - {d}) / days if days >= 2 else 0.0
        used.add(d)
        gap[i] = np.log1p(max(0, int(end[i]) - last.get(k, int(end[i]))) / MINUTE_MS / minutes)
        last[k] = int(end[i])
    return np.column_stack([idle * 2, gap])
