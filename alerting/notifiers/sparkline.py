"""Small charts in text: for messages without pictures, and for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.picture import KeyPicture

_BARS: Final = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], top: float) -> str:
    """One character a value, against ``top``; a dot where nothing is known.

    >>> sparkline([0, 5, None, 10], 10)
    '▁▅·█'
    """
    most = max(top, 1e-9)
    return "".join("·" if v is None else _BARS[min(int(v / most * 8), 7)] for v in values)


def top_of(picture: KeyPicture) -> float:
    """The highest value of a picture, at least 1."""
    return max([1.0, *picture.high, *(value for value in picture.actual if value is not None)])


def day_lines(picture: KeyPicture) -> tuple[str, str]:
    """The last 24 hours as they were, and as usual, in one scale."""
    top = top_of(picture)
    return sparkline(picture.actual, top), sparkline(picture.expected, top)
