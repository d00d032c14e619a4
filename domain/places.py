"""Where a key is used from, as a map shows it: its usual places beside those of findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.finding import Finding, origin
from domain.picture import KeyPicture, Spot

SPOTS_SHOWN: Final = 30
"""Places of findings: more are not told apart on a map."""


def places_of(picture: KeyPicture | None, findings: Iterable[Finding]) -> list[Spot]:
    """The usual places of ``picture``, then each place that findings were made at, once."""
    now = {
        (finding.lat, finding.lon): Spot(
            lat=finding.lat, lon=finding.lon, share=0.5, usual=False, name=origin(finding)
        )
        for finding in findings
        if finding.lat is not None and finding.lon is not None
    }
    return [*(picture.places if picture else []), *list(now.values())[:SPOTS_SHOWN]]


def spot_words(spot: Spot) -> str:
    """A place for who cannot see the map.

    >>> spot_words(Spot(lat=52.4, lon=-4.9, name="NL"))
    'NL 52.4 north 4.9 west'
    """
    north = f"{abs(spot.lat):.1f} {'north' if spot.lat >= 0 else 'south'}"
    east = f"{abs(spot.lon):.1f} {'east' if spot.lon >= 0 else 'west'}"
    return f"{spot.name} {north} {east}".strip()
