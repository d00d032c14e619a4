"""Who is told of what: by tenant, key and severity."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from domain.incident import Severity


class Route(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``tenant`` and ``key`` are globs. ``to`` are names of destinations. The first route that matches
    decides, and those after it only while ``go_on`` is set.
    """

    to: list[str]
    tenant: str = "*"
    key: str = "*"
    severity: Severity = Severity.INFO
    """This loud or louder."""
    go_on: bool = False

    def takes(self, severity: Severity, tenant: str, key_id: str) -> bool:
        """Whether it is for this."""
        return (
            severity.rank >= self.severity.rank
            and fnmatchcase(tenant, self.tenant)
            and fnmatchcase(key_id, self.key)
        )


class Routes:
    """``default`` destinations take what no route takes: nothing is told to nobody."""

    def __init__(
        self,
        default: Sequence[str],
        routes: Sequence[Route] = (),
        escalate: Sequence[str] = (),
        fallback: Sequence[str] = (),
    ) -> None:
        self._default = tuple(default)
        self._routes = tuple(routes)
        self.escalate = tuple(escalate) or self._default
        self.fallback = tuple(fallback)

    def to_all(self) -> list[str]:
        """Every destination that anything can go to."""
        return list(dict.fromkeys([*self._default, *(name for route in self._routes for name in route.to)]))

    def to(self, severity: Severity, tenant: str = "", key_id: str = "") -> list[str]:
        """Names of destinations, each once, in the order of the routes."""
        found: dict[str, None] = {}
        for route in self._routes:
            if route.takes(severity, tenant, key_id):
                found.update(dict.fromkeys(route.to))
                if not route.go_on:
                    return list(found)
        return list(found) or list(self._default)
