"""A key's last day beside what is usual for it: what charts and maps are drawn from."""

from __future__ import annotations

import msgspec

HOUR_MS = 3_600_000
HOURS = 24


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Something the key is used from or with, and its share of the key's baseline, 0 to 1."""

    name: str
    share: float


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place on the map, in degrees. ``usual`` tells the key's own places from those of findings."""

    lat: float
    lon: float
    share: float = 1.0
    usual: bool = True
    name: str = ""


class KeyPicture(msgspec.Struct, frozen=True, kw_only=True):
    """24 hours that end with the hour of ``at_ms``; every list of hours has that length.

    ``expected``, ``low`` and ``high`` are requests an hour; nan-free, 0 where the hour was never seen.
    ``actual`` is None for hours that nothing is kept of. ``minutes`` are requests of the newest open
    minutes, oldest first. ``remark`` says what is approximated.
    """

    at_ms: int
    first_hour_ms: int
    expected: list[float]
    low: list[float]
    high: list[float]
    actual: list[float | None]
    minutes: list[int] = []
    requests: int = 0
    """Requests ever counted."""
    countries: list[Share] = []
    operators: list[Share] = []
    networks: list[Share] = []
    places: list[Spot] = []
    remark: str = ""
