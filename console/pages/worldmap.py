"""Where a key is used from, on a map of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.finding import Finding
from domain.picture import KeyPicture, Spot
from domain.places import places_of, spot_words

CLOSE: Final = 1.0
"""Degrees: nearer than that a finding was made at a usual place."""
_LEAST: Final = 2.2
_MORE: Final = 4.0
"""Radius in degrees of a place with no share and with all of it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place as it is drawn, plate carrée: ``x`` degrees east, ``y`` degrees south."""

    x: float
    y: float
    radius: float
    usual: bool
    words: str


@dataclass(frozen=True, slots=True)
class Map:
    """Marks, and for who cannot see them ``words``. ``box`` is the SVG's view."""

    marks: Sequence[Mark]
    words: str
    box: str = "-180 -84 360 144"


def map_of(picture: KeyPicture | None, findings: Sequence[Finding]) -> Map | None:
    """The key's usual places, and those of findings elsewhere; None where no place is known."""
    found = [spot for spot in places_of(picture, findings) if -90 <= spot.lat <= 90]
    usual = [spot for spot in found if spot.usual]
    new = [spot for spot in found if not spot.usual and not any(_close(spot, one) for one in usual)]
    spots = [*usual, *new]
    return Map([_mark(spot) for spot in spots], _words(spots)) if spots else None


def _close(one: Spot, other: Spot) -> bool:
    return abs(one.lat - other.lat) < CLOSE and abs(one.lon - other.lon) < CLOSE


def _mark(spot: Spot) -> Mark:
    radius = _LEAST + _MORE * spot.share if spot.usual else _LEAST
    return Mark(spot.lon, -spot.lat, round(radius, 1), spot.usual, spot_words(spot))


def _words(spots: Sequence[Spot]) -> str:
    usual = sum(spot.usual for spot in spots)
    return (
        f"World map with {usual} usual places and {len(spots) - usual} new places of findings; listed below."
    )
