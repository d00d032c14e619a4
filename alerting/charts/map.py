"""Where a key is used from: its usual places and those of its findings. Needs the extra ``charts``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from alerting.charts.day import DPI, SEEN, USUAL, png
from domain.picture import Spot
from domain.places import spot_words

INCHES: Final = (6.0, 3.0)
LAND: Final = "#d9d9d9"


@cache
def _land() -> list[list[tuple[float, float]]]:
    raw = (files("domain.world") / "land.json").read_bytes()
    rings = msgspec.json.decode(raw, type=list[list[int]])
    return [[(x / 10, y / 10) for x, y in zip(ring[::2], ring[1::2], strict=True)] for ring in rings]


def world_map(spots: Sequence[Spot]) -> bytes:
    """A PNG; about 80 ms. Plate carrée, as it is only to be recognised."""
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.add_collection(PolyCollection(_land(), facecolors=LAND, edgecolors="white", linewidths=0.3))
    for usual, colour, label in ((True, USUAL, "usual"), (False, SEEN, "now")):
        here = [spot for spot in spots if spot.usual is usual]
        if here:
            sizes = [20 + 100 * spot.share for spot in here]
            axes.scatter(
                [spot.lon for spot in here],
                [spot.lat for spot in here],
                s=sizes,
                c=colour,
                alpha=0.8,
                edgecolors="white",
                label=label,
                marker="o" if usual else "X",
            )
    axes.set_xlim(-180, 180)
    axes.set_ylim(-60, 85)
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.legend(fontsize=8, loc="lower left")
    return png(figure)


def map_words(spots: Sequence[Spot]) -> str:
    """The map for who cannot see it."""
    usual = [spot_words(spot) for spot in spots if spot.usual]
    now = [spot_words(spot) for spot in spots if not spot.usual]
    return f"World map. Usual places: {', '.join(usual) or 'none'}. Now: {', '.join(now) or 'none'}."
