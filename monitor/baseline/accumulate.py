"""Events into open windows. Integers only, so any batching of the same events gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.event import EnrichedColumns
from domain.profile import (
    BEATS,
    ENDPOINT_BINS,
    STATUS_CLASSES,
    WINDOW_CLIENT_SLOTS,
    WINDOW_MS,
    WINDOW_NET_SLOTS,
    bits_set,
    endpoint_bit,
    object_bit,
    prefix_bit,
)
from monitor.baseline.partition import PartitionState
from monitor.baseline.slots import match, ranks

Ints = npt.NDArray[np.int64]

_STATUS_CLASS = np.zeros(1000, np.int64)
_STATUS_CLASS[300:400] = 1
_STATUS_CLASS[400:500] = 5
_STATUS_CLASS[[401, 403]] = 2
_STATUS_CLASS[404] = 3
_STATUS_CLASS[429] = 4
_STATUS_CLASS[500:600] = 6


def is_refused(status: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Whether each answer was 401, 403, 404 or 429: ``refused`` of ``domain.profile.SURGES``."""
    classes = _STATUS_CLASS[np.clip(status, 0, 999)]
    return (classes >= 2) & (classes <= 4)


@dataclass(frozen=True, slots=True)
class Groups:
    """The (key, minute) groups of a piece, g of them, and their events in order.

    ``order`` (n,) sorts the rows by group and keeps offset order within; ``start`` (g + 1,) bounds them.
    ``before`` and ``after`` (g,) are the window's count without and with these events.
    """

    order: Ints
    start: Ints
    slot: Ints
    window: Ints
    before: Ints
    after: Ints


@dataclass(frozen=True, slots=True)
class FirstSights:
    """Networks a window had not met, in offset order: the event's row, its window, how many met with it."""

    row: Ints
    window: Ints
    distinct: Ints


def accumulate(
    part: PartitionState, events: EnrichedColumns, keys: Ints, rows: slice, first_open: int
) -> tuple[Groups, FirstSights]:
    """Count rows ``rows`` of ``events``, whose profile rows are ``keys``; minutes below ``first_open``
    are closed."""
    numbers = np.arange(rows.start, rows.stop)
    slots = keys[rows]
    minutes = events.ts_ms[rows] // WINDOW_MS
    late = minutes < first_open
    if late.any():
        _count_late(part, slots[late])
        numbers, slots, minutes = numbers[~late], slots[~late], minutes[~late]
    if not len(numbers):
        empty = np.zeros(0, np.int64)
        return Groups(empty, np.zeros(1, np.int64), empty, empty, empty, empty), FirstSights(
            empty, empty, empty
        )
    groups, group_of = _group(part, numbers, slots, minutes)
    _count(part, events, groups)
    _histograms(part, events, groups, numbers, group_of)
    _objects(part, events, numbers, groups.window[group_of])
    sights = _networks(part, events, numbers, groups.window[group_of])
    _clients(part, events, numbers, groups.window[group_of])
    part.touch((), groups.window.tolist())
    return groups, sights


def _count_late(part: PartitionState, slots: Ints) -> None:
    """Events of closed windows are counted in the profile and change nothing else."""
    unique, counts = np.unique(slots, return_counts=True)
    part.profiles["events"][unique] += counts.astype(np.uint64)
    part.profiles["late"][unique] += counts.astype(np.uint32)
    part.touch(unique.tolist(), ())


def _group(part: PartitionState, numbers: Ints, slots: Ints, minutes: Ints) -> tuple[Groups, Ints]:
    base = int(minutes.min())
    code = slots * (int(minutes.max()) - base + 1) + (minutes - base)
    by_group = np.argsort(code, kind="stable")
    ordered = code[by_group]
    fresh = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    start = np.append(np.flatnonzero(fresh), len(code))
    heads = by_group[start[:-1]]
    slot, minute = slots[heads], minutes[heads]
    window = part.open_windows(slot, minute)
    before = part.windows["count"][window].astype(np.int64)
    group_of = np.empty(len(code), np.int64)
    group_of[by_group] = np.cumsum(fresh) - 1
    groups = Groups(numbers[by_group], start, slot, window, before, before + np.diff(start))
    return groups, group_of


def _count(part: PartitionState, events: EnrichedColumns, groups: Groups) -> None:
    windows, window, order, at = part.windows, groups.window, groups.order, groups.start[:-1]
    windows["count"][window] = groups.after
    for name, column in (("bytes_in", events.bytes_in), ("bytes_out", events.bytes_out)):
        windows[name][window] += np.add.reduceat(np.maximum(column[order], 0), at).astype(np.uint64)
    latency = events.latency_us[order]
    windows["latency_us"][window] += np.add.reduceat(np.maximum(latency, 0), at).astype(np.uint64)
    windows["latency_count"][window] += np.add.reduceat(latency >= 0, at, dtype=np.int64).astype(np.uint32)
    windows["writes"][window] += np.add.reduceat(events.write[order], at, dtype=np.int64).astype(np.uint32)
    ts = events.ts_ms[order]
    first, last = windows["first_ms"][window], windows["last_ms"][window]
    earliest = np.minimum.reduceat(ts, at)
    windows["first_ms"][window] = np.where(first == 0, earliest, np.minimum(first, earliest))
    windows["last_ms"][window] = np.maximum(last, np.maximum.reduceat(ts, at))


def _histograms(
    part: PartitionState, events: EnrichedColumns, groups: Groups, numbers: Ints, group_of: Ints
) -> None:
    size = len(groups.window)
    status = _STATUS_CLASS[np.clip(events.status[numbers], 0, 999)]
    classes = len(STATUS_CLASSES)
    counted = np.bincount(group_of * classes + status, minlength=size * classes)
    part.windows["status"][groups.window] += counted.reshape(size, classes).astype(np.uint32)
    bins = (events.endpoint[numbers] % np.uint32(ENDPOINT_BINS)).astype(np.int64)
    counted = np.bincount(group_of * ENDPOINT_BINS + bins, minlength=size * ENDPOINT_BINS)
    part.windows["endpoint"][groups.window] += counted.reshape(size, ENDPOINT_BINS).astype(np.uint32)
    beat = events.ts_ms[numbers] % WINDOW_MS * BEATS // WINDOW_MS
    counted = np.bincount(group_of * BEATS + beat, minlength=size * BEATS)
    part.windows["beats"][groups.window] += counted.reshape(size, BEATS).astype(np.uint32)


def _objects(part: PartitionState, events: EnrichedColumns, numbers: Ints, window: Ints) -> None:
    _mark(part.windows["object_sketch"], window, object_bit(events.path[numbers]))
    _mark(part.windows["endpoint_sketch"], window, endpoint_bit(events.endpoint[numbers]))


def _mark(sketches: npt.NDArray[np.uint8], window: Ints, bit: Ints) -> None:
    np.bitwise_or.at(sketches, (window, bit >> 3), (1 << (bit & 7)).astype(np.uint8))


def _pairs(window: Ints, values: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Distinct (window, value) pairs: index of each pair's first row, in row order, and its row count."""
    _, value_number = np.unique(values, return_inverse=True)
    code = window * (int(value_number.max()) + 1) + value_number
    _, first, count = np.unique(code, return_index=True, return_counts=True)
    order = np.argsort(first)
    return first[order], count[order]


def _place(
    part: PartitionState,
    names: tuple[str, str],
    slots: int,
    window: Ints,
    values: npt.NDArray[Any],
    count: Ints,
) -> tuple[Ints, Ints]:
    """Add counts to the windows' slots of ``values``; new values take free slots first come, first served.

    Returns the pairs that took a new slot, and the slots they took.
    """
    table, counts = names
    windows = part.windows
    taken = windows[counts][window] > 0
    slot = match(windows[table][window], taken, values)
    known = slot >= 0
    windows[counts][window[known], slot[known]] += count[known].astype(np.uint32)
    new = np.flatnonzero(~known)
    at = taken[new].sum(axis=1) + ranks(window[new])
    fits = at < slots
    new, at = new[fits], at[fits]
    windows[table][window[new], at] = values[new]
    windows[counts][window[new], at] = count[new]
    return new, at


def _networks(part: PartitionState, events: EnrichedColumns, numbers: Ints, window: Ints) -> FirstSights:
    first, count = _pairs(window, events.prefix[numbers])
    row, where = numbers[first], window[first]
    new, at = _place(part, ("prefix", "net_count"), WINDOW_NET_SLOTS, where, events.prefix[row], count)
    for name in ("asn", "country", "lat", "lon"):
        part.windows[name][where[new], at] = getattr(events, name)[row[new]]
    part.windows["net_listed"][where[new], at] = events.listed[row[new]]
    return _first_sights(part, row, where, prefix_bit(events.prefix[row]))


def _first_sights(part: PartitionState, row: Ints, window: Ints, bit: Ints) -> FirstSights:
    sketch = part.windows["prefix_sketch"]
    mask = (1 << (bit & 7)).astype(np.uint8)
    unseen = np.flatnonzero((sketch[window, bit >> 3] & mask) == 0)
    _, first = np.unique(window[unseen] * 1024 + bit[unseen], return_index=True)
    chosen = unseen[np.sort(first)]
    row, window, bit, mask = row[chosen], window[chosen], bit[chosen], mask[chosen]
    met = bits_set(sketch[window])
    distinct = met + ranks(window) + 1
    np.bitwise_or.at(sketch, (window, bit >> 3), mask)
    return FirstSights(row, window, distinct)


def _clients(part: PartitionState, events: EnrichedColumns, numbers: Ints, window: Ints) -> None:
    first, count = _pairs(window, events.client[numbers])
    values = events.client[numbers[first]]
    _place(part, ("client", "client_count"), WINDOW_CLIENT_SLOTS, window[first], values, count)
