"""What came of looking at a file again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from domain.errors import Fatal


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A file that changed; with ``error`` it is broken and what was read before stays in use.

    ``what`` is ``geoip`` or ``lists``.
    """

    what: str
    path: Path
    error: Fatal | None = None
