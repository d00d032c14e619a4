"""Rows that an older version stored, read as this version's: what is new starts as in a new row.

Rows are migrated one by one as they are loaded and written back at their next commit, so a daemon of this
version can take over while the stored state is of the last one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.novelty import UNUSED_SHARE
from domain.errors import Fatal, Reason
from domain.profile import (
    DETECTORS_MAX,
    ENDPOINT_BINS,
    ENDPOINT_BITS,
    PROFILE_DTYPE,
    SCHEMA_VERSION,
    new_profiles,
)

Rows = npt.NDArray[np.void]

_NEW_IN_2: Final = (
    "day", "day_alerted", "day_score", "day_bits", "score_days", "pending_day", "pending_score",
    "history_day", "bits_days", "claim_days", "claim_top", "endpoint_seen", "endpoint_sketch",
    "last_home", "refused_hour",
)  # fmt: skip


_CHANGED_IN_2: Final = {"fired_bits": np.dtype(("<f4", 32)), "fired_minute": np.dtype(("<i4", 32))}


def row_of(raw: bytes, dtype: np.dtype[np.void]) -> np.void:
    """One stored row. Raises ``Fatal`` for bytes that no known version wrote."""
    if len(raw) == dtype.itemsize:
        row: np.void = np.frombuffer(raw, dtype)[0]
        return row
    older = before_2(dtype)
    if len(raw) != older.itemsize:
        raise Fatal(
            Reason.CORRUPT,
            f"a stored row has {len(raw)} bytes where schema {SCHEMA_VERSION} has {dtype.itemsize} and "
            f"schema 1 has {older.itemsize}: run the version that wrote it, or empty this topic's state",
        )
    return _adopted(np.frombuffer(raw, older), dtype)


def before_2(dtype: np.dtype[np.void]) -> np.dtype[np.void]:
    """The layout of schema 1."""
    fields = [(name, dtype.fields[name][0]) for name in dtype.names or () if dtype.fields]
    return np.dtype([(name, _CHANGED_IN_2.get(name, kind)) for name, kind in fields if name not in _NEW_IN_2])


def _adopted(old: Rows, dtype: np.dtype[np.void]) -> np.void:
    new = new_profiles(1) if dtype == PROFILE_DTYPE else np.zeros(1, dtype)
    for name in old.dtype.names or ():
        new[name] = old[name][:, :DETECTORS_MAX] if name in _CHANGED_IN_2 else old[name]
    if "version" in (dtype.names or ()):
        new["version"] = SCHEMA_VERSION
    if dtype == PROFILE_DTYPE:
        bins = np.arange(ENDPOINT_BITS) % ENDPOINT_BINS
        used = (new["endpoint_share"][:, bins] >= UNUSED_SHARE).astype(np.uint8)
        new["endpoint_seen"] = np.packbits(used, axis=1, bitorder="little")
    row: np.void = new[0]
    return row
