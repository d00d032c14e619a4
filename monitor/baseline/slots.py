"""Rows of state, and small tables of values inside them: which slots hold a value, where a new one goes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def put(rows: npt.NDArray[np.void], numbers: Any, values: npt.NDArray[np.void]) -> None:
    """``rows[numbers] = values``, each row as a whole: numpy would copy field by field, four times slower."""
    whole = f"V{rows.dtype.itemsize}"
    rows.view(whole)[numbers] = values.view(whole)


def match(table: npt.NDArray[np.generic], used: Mask, values: npt.NDArray[np.generic]) -> Ints:
    """Slot of each value in its row, or -1. ``table`` and ``used`` are (n, S), ``values`` (n,)."""
    hit = (table == values[:, None]) & used
    return np.where(hit.any(axis=1), hit.argmax(axis=1), -1)


def ranks(groups: Ints) -> Ints:
    """How many earlier entries have the same group, for each entry.

    >>> ranks(np.array([7, 3, 7, 7, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    fresh = np.ones(len(groups), bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    positions = np.arange(len(groups))
    out = np.empty(len(groups), np.int64)
    out[order] = positions - np.maximum.accumulate(np.where(fresh, positions, 0))
    return out


def learn(
    table: npt.NDArray[np.generic],
    weight: npt.NDArray[np.float32],
    values: npt.NDArray[np.generic],
    active: Mask,
) -> Mask:
    """Add one window's weight to each row's value, in place; the lightest slot makes room for a new one.

    ``table`` and ``weight`` are (n, S), ``values`` and ``active`` (n,). Returns which rows met a new value.
    """
    rows = np.flatnonzero(active)
    if not len(rows):
        return np.zeros(len(values), bool)
    slot = match(table[rows], weight[rows] > 0, values[rows])
    known = slot >= 0
    weight[rows[known], slot[known]] += np.float32(1.0)
    new = rows[~known]
    lightest = weight[new].argmin(axis=1)
    table[new, lightest] = values[new]
    weight[new, lightest] = 1.0
    met = np.zeros(len(values), bool)
    met[new] = True
    return met
