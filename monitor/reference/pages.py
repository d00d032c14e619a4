"""Which pages there are, and what makes each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from monitor.reference import commands, detectors, errors, policy, settings

FOLDER: Final = Path("docs/reference")
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": settings.page,
    "policy.md": policy.page,
    "commands.md": commands.page,
    "detectors.md": detectors.page,
    "errors.md": errors.page,
}
"""File name -> what writes it."""
