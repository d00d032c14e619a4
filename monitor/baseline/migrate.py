"""Rows of other schemas: an older one is read as this version's, a newer one is refused, and ours can be
written as an older one for a rollback.

Rows are migrated one by one as they are loaded and written back at their next commit, so a daemon of this
version can take over while the stored state is of the last one.

To make the next schema: change the dtypes, raise ``SCHEMA_VERSION``, add a :class:`Step` at the end of
``STEPS``, and record the new layouts in tests/unit/test_migrate.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.novelty import UNUSED_SHARE
from domain.errors import Fatal, Reason, Refused
from domain.profile import (
    ENDPOINT_BINS,
    ENDPOINT_BITS,
    PROFILE_DTYPE,
    SCHEMA_VERSION,
    new_profiles,
)

Rows = npt.NDArray[np.void]
Dtype = np.dtype[np.void]
_OURS: Final = SCHEMA_VERSION.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Step:
    """What a schema brought. Names are of any of the row types.

    ``changed`` has the older type of fields that kept their name; longer arrays lose their end on the way
    up and get zeros on the way down. ``complete`` fills in new fields of profiles (n,) that follow from
    what the older schema knew; without it they are as in a new row.
    """

    version: int
    new: frozenset[str]
    changed: Mapping[str, Dtype] = field(default_factory=dict)
    complete: Callable[[Rows], None] = lambda _profiles: None


def _endpoints_seen(profiles: Rows) -> None:
    bins = np.arange(ENDPOINT_BITS) % ENDPOINT_BINS
    used = (profiles["endpoint_share"][:, bins] >= UNUSED_SHARE).astype(np.uint8)
    profiles["endpoint_seen"] = np.packbits(used, axis=1, bitorder="little")


def _objects_unknown(profiles: Rows) -> None:
    """All objects are new at first, and must not surprise."""
    profiles["novel_objects"] = np.where(profiles["windows"] > 0, 1.0, 0.0)


STEPS: Final[Sequence[Step]] = (
    Step(
        2,
        frozenset({
            "day", "day_alerted", "day_score", "day_bits", "score_days", "pending_day", "pending_score",
            "history_day", "bits_days", "claim_days", "claim_top", "endpoint_seen", "endpoint_sketch",
            "last_home", "refused_hour", "hours_last", "hours_count", "hours_level",
        }),
        {"fired_bits": np.dtype(("<f4", 32)), "fired_minute": np.dtype(("<i4", 32))},
        _endpoints_seen,
    ),
    Step(
        3,
        frozenset({
            "tick", "tick_count", "ticks", "tick_level", "tick_swing", "tick_hour", "tick_hour_seen",
            "tick_spread", "tick_days",
            "objects_seen", "novel_objects", "new_objects_hour", "requests_hour", "fresh_endpoints",
            "fresh_endpoints_minute", "listed_counted", "listed_keys",
        }),
        {"object_sketch": np.dtype(("u1", 64))},
        _objects_unknown,
    ),
)  # fmt: skip
"""Oldest first; the last one makes ``SCHEMA_VERSION``."""


@cache
def layout(dtype: Dtype, version: int) -> Dtype:
    """A row type of ours (profile, window or fleet) as schema ``version`` had it."""
    kinds = {name: dtype.fields[name][0] for name in dtype.names or () if dtype.fields}
    for step in reversed([step for step in STEPS if step.version > version]):
        kinds = {name: step.changed.get(name, kind) for name, kind in kinds.items() if name not in step.new}
    return np.dtype(list(kinds.items()))


def row_of(raw: bytes, dtype: Dtype) -> np.void:
    """One stored row, as this version's.

    Raises ``Refused`` for a row of a newer schema, which is left as it is, and ``Fatal`` for bytes that no
    known version wrote.
    """
    if len(raw) == dtype.itemsize and ("version" not in (dtype.names or ()) or raw[:2] == _OURS):
        ours: np.void = np.frombuffer(raw, dtype)[0]
        return ours
    version = _version_of(raw, dtype)
    old = np.frombuffer(raw, layout(dtype, version))
    return _adopted(old, dtype, version)


def stored_schema(raw: bytes, dtype: Dtype) -> int:
    """The schema of a stored profile or fleet row, newer ones too; 0 for bytes of no schema."""
    told = int.from_bytes(raw[:2], "little")
    known = told > SCHEMA_VERSION or (told > 0 and layout(dtype, told).itemsize == len(raw))
    return told if known else 0


def _version_of(raw: bytes, dtype: Dtype) -> int:
    """By the number in the row, or by its length where a row has none."""
    fitting = [v for v in range(SCHEMA_VERSION, 0, -1) if layout(dtype, v).itemsize == len(raw)]
    if "version" not in (dtype.names or ()):
        if fitting:
            return fitting[0]
    elif (told := int.from_bytes(raw[:2], "little")) in fitting:
        return told
    elif told > SCHEMA_VERSION:
        raise newer(told, "a stored row")
    raise Fatal(
        Reason.CORRUPT,
        f"a stored row has {len(raw)} bytes, which no schema from 1 to {SCHEMA_VERSION} has (this version's: "
        f"{dtype.itemsize}): run the version that wrote it, or empty this topic's state",
    )


def newer(version: int, what: str) -> Refused:
    """A later release wrote it: to read it as ours would lose what it knows, or worse."""
    return Refused(
        Reason.NEWER_SCHEMA,
        f"{what} has schema {version}, and this release knows up to {SCHEMA_VERSION}: run the newer release, "
        f"or `keywatch migrate schema --to {SCHEMA_VERSION} --apply` with it (docs/upgrades.md)",
    )


def _adopted(old: Rows, dtype: Dtype, version: int) -> np.void:
    new = new_profiles(1) if dtype == PROFILE_DTYPE else np.zeros(1, dtype)
    _copy(old, new)
    if "version" in (dtype.names or ()):
        new["version"] = SCHEMA_VERSION
    if dtype == PROFILE_DTYPE:
        for step in STEPS:
            if step.version > version:
                step.complete(new)
    row: np.void = new[0]
    return row


def as_of(raw: bytes, dtype: Dtype, version: int) -> bytes:
    """A stored row as schema ``version`` had it: what that one did not know is lost."""
    row = np.array([row_of(raw, dtype)], dtype)
    old = np.zeros(1, layout(dtype, version))
    _copy(row, old)
    if "version" in (dtype.names or ()):
        old["version"] = version
    return old.tobytes()


def _copy(source: Rows, target: Rows) -> None:
    for name in (n for n in source.dtype.names or () if n in (target.dtype.names or ())):
        if source[name].shape == target[name].shape:
            target[name] = source[name]
        else:
            n = min(source[name].shape[1], target[name].shape[1])
            target[name][:, :n] = source[name][:, :n]
