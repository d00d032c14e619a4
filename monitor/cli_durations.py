"""Lengths of time as people write them on a command line."""

from __future__ import annotations

import re
from typing import Final

import typer

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TEXT: Final = re.compile(r"(\d{1,9})([smhd])")


def parse_duration(text: str) -> int:
    """Seconds. Raises ``typer.BadParameter``.

    >>> parse_duration("24h")
    86400
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r}: write a number and a unit, such as 90s, 30m, 24h or 7d")
    return int(match[1]) * _UNITS_S[match[2]]
