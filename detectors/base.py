"""The contract of a detector: columns in, bits of surprise out, evidence on request.

A detector is pure: no I/O, no clock, no global state, no randomness that is not seeded. High bits
mean more surprising; ``NaN`` means *not ready* (too little is known), which is not the same as 0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from detectors.features import Matrix, raw_features
from detectors.objects import new_objects
from detectors.season import NearbyHours, nearby_hours
from domain.finding import Evidence, Kind

Rows = npt.NDArray[np.void]
Bits = npt.NDArray[np.float64]

MAX_BITS = 60.0
"""Surprise is capped here: beyond it the model, not the key, is what is wrong."""


@dataclass(frozen=True, slots=True)
class Sights:
    """First sights of a network by a key in a window, n of them, in offset order.

    ``profile`` (n,) PROFILE_DTYPE are the keys' rows as the last closed window left them, except
    ``events`` and ``late``, which a detector must not read: late events change them at any time.
    ``fleet`` is one FLEET_DTYPE row. ``distinct`` is how many different networks the window has met
    including this one. Other columns are those of
    :class:`domain.event.EnrichedColumns` at the sight.
    """

    profile: Rows
    fleet: np.void
    minute: npt.NDArray[np.int64]
    prefix: npt.NDArray[np.uint64]
    asn: npt.NDArray[np.uint32]
    country: npt.NDArray[np.uint16]
    lat: npt.NDArray[np.float32]
    lon: npt.NDArray[np.float32]
    listed: npt.NDArray[np.uint8]
    distinct: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.profile)


@dataclass(frozen=True)
class Windows:
    """Windows of n different keys, open or closing.

    ``profile`` is the row before this window taught it, ``events`` and ``late`` not to be read.
    ``count`` is the requests so far; on open windows it may be any count a caller wants to try, so it
    stands beside ``window["count"]``, and the other fields of an open ``window`` must not be read:
    they are those of the batch's end. ``closing`` says that no more requests will come.
    """

    profile: Rows
    window: Rows
    fleet: np.void
    minute: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    closing: bool

    def __len__(self) -> int:
        return len(self.profile)

    @cached_property
    def features(self) -> Matrix:
        """:func:`detectors.features.raw_features` (n, FEATURES), worked out once for all detectors."""
        return raw_features(self.window, self.profile)

    @cached_property
    def new_objects(self) -> Bits:
        """:func:`detectors.objects.new_objects` (n,), likewise."""
        return new_objects(self.window, self.profile)

    @cached_property
    def hours(self) -> NearbyHours:
        """What the keys know of this hour of the day, likewise."""
        return nearby_hours(self.profile, self.minute)


@dataclass(frozen=True, slots=True)
class Surges:
    """Amounts of open windows at the event that carried each over a line, n of them.

    ``amount`` is what the detector's ``measure`` has come to in the window, ``count`` the requests, both
    with that event. ``profile`` as in :class:`Sights`.
    """

    profile: Rows
    fleet: np.void
    minute: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    amount: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.profile)


Columns = TypeVar("Columns", Sights, Windows, Surges)


def one(columns: Columns, i: int) -> Columns:
    """Row ``i`` alone: to explain it must not cost as much as to score all."""
    found = {f.name: getattr(columns, f.name) for f in fields(columns)}
    picked: dict[str, Any] = {k: v[i : i + 1] for k, v in found.items() if isinstance(v, np.ndarray)}
    return replace(columns, **picked)


class SightDetector(Protocol):
    """Scores first sights, as they come."""

    name: ClassVar[str]
    kind: ClassVar[Kind]

    def score(self, sights: Sights) -> Bits:
        """Bits (n,), NaN where not ready."""

    def explain(self, sights: Sights, i: int) -> list[Evidence]:
        """Evidence for row ``i``, strongest first."""


class WindowDetector(Protocol):
    """Scores windows at close; if ``grows`` also while open: bits must not fall as ``count`` grows."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    grows: ClassVar[bool]

    def score(self, windows: Windows) -> Bits:
        """Bits (n,), NaN where not ready."""

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        """Evidence for row ``i``, strongest first."""


class SurgeDetector(Protocol):
    """Scores an amount inside open windows, from ``least`` on and at every quarter more.

    ``measure`` is one of ``domain.profile.SURGES``.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    measure: ClassVar[str]
    least: ClassVar[float]

    def score(self, surges: Surges) -> Bits:
        """Bits (n,), NaN where not ready."""

    def explain(self, surges: Surges, i: int) -> list[Evidence]:
        """Evidence for row ``i``, strongest first."""
