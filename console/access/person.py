"""A person or program that has shown who they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class AccessRole(StrEnum):
    """In rising order of power; each may do what those before may.

    ``viewer`` reads, ``responder`` decides on cases and silences, ``admin`` also sees to the policy's
    backtests and the audit log's export.
    """

    VIEWER = "viewer"
    RESPONDER = "responder"
    ADMIN = "admin"

    def covers(self, needed: AccessRole) -> bool:
        """Whether this role may do what ``needed`` may."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER: Final = tuple(AccessRole)


@dataclass(frozen=True, slots=True)
class Person:
    """``name`` is what the audit keeps (``console:mary@shop.example``); ``via`` says how they came in:
    ``token`` or ``oidc``.
    """

    name: str
    role: AccessRole
    via: str
