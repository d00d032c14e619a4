"""How surprising something new is: the key's own habit of novelty, and how common it is elsewhere."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.base import Bits, Rows

Ints = npt.NDArray[np.integer[Any]]
Mask = npt.NDArray[np.bool_]

MIN_WINDOWS: Final = 30
"""Fewer windows say nothing about habit."""
MIN_HOURS: Final = 6.0
"""A key seen for less time has not met its other working hours, nor its other regions."""
RARITY_CAP_BITS: Final = 6.0
"""The fleet is one partition's keys and may be small: it adds a factor of 64 at the most."""
UNUSED_SHARE: Final = 0.0005
"""An endpoint bin with a smaller share of a key's requests is one it does not use."""
SETTLED_BITS: Final = 6.0
UNSEEN: Final = 0.5
"""Novelties assumed beside those counted (Krichevsky & Trofimov, 1981)."""


def ready(profile: Rows, minute: npt.NDArray[np.int64]) -> Mask:
    """Keys (n,) old enough, at ``minute`` (n,), for something new to be surprising."""
    hours = (minute * 60_000 - profile["first_ms"]) / 3_600_000
    known: Mask = (profile["windows"] >= MIN_WINDOWS) & (hours >= MIN_HOURS)
    return known


def settled(profile: Rows) -> Mask:
    """Keys (n,) that seldom meet a new network: telephones always do, and their meetings tell nothing."""
    still: Mask = habit_bits(profile, "prefix") >= SETTLED_BITS
    return still


def is_new(profile: Rows, name: str, values: Ints) -> Mask:
    """Rows whose ``values`` (n,) are in none of the profile's slots ``name``; weight 0 is an empty slot."""
    held = (profile[name] == values[:, None]) & (profile[f"{name}_weight"] > 0)
    return ~held.any(axis=1)


def habit_bits(profile: Rows, name: str) -> Bits:
    """-log2 of the share of the key's windows that brought a new ``name`` (Good, 1953).

    A key that hops between carriers has many and gets few bits; a key that never moved in a month of
    busy minutes gets about 16.
    """
    share = (profile[f"novel_{name}"].astype(np.float64) + UNSEEN) / (profile["novel_windows"] + 2 * UNSEEN)
    return -np.log2(np.clip(share, 2.0**-32, 1.0))


def rarity_bits(fleet: np.void, name: str, column: Ints) -> Bits:
    """-log2 of the share of keys that have established it, 0..6 bits: a popular cloud costs less."""
    using = fleet[name][column].astype(np.float64)
    bits = -np.log2((using + 1.0) / (float(fleet["keys"]) + 2.0))
    return np.clip(bits, 0.0, RARITY_CAP_BITS)


def usual(profile: np.void, name: str, most: int = 4) -> list[tuple[int, float]]:
    """The heaviest values of one key's slots and their share of its weight, heaviest first."""
    weight = profile[f"{name}_weight"].astype(np.float64)
    order = np.argsort(-weight, kind="stable")[:most]
    total = max(float(weight.sum()), 1e-9)
    return [(int(profile[name][j]), float(weight[j]) / total) for j in order if weight[j] > 0]
