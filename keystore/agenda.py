"""What is to be done with keys later: end the grace of rotated ones, tell owners. By due time, in two
books, so that a worker reads only what it does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CLAIM_S: Final = 300
"""A worker that took an item and died holds it back this long; then another one may take it."""


class Book(StrEnum):
    """Which work."""

    RETIRE = "retire"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, order=True)
class AgendaItem:
    """One thing to do with one key, when ``due_ms`` has come. ``what`` holds no NUL. Sorts by time."""

    due_ms: int
    key_id: str
    what: str
