"""Silences: what people do not want to hear of, for a while."""

from __future__ import annotations

from fnmatch import fnmatchcase
from ipaddress import ip_network

import msgspec

from domain.finding import Finding

ANY = "*"


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Findings that match every glob are not told. Times are epoch milliseconds.

    A silence mutes messages, never containment; and it mutes the message of a suspension only with
    ``suspensions`` set. ``network`` is a glob, or a network that holds the finding's. ``version`` grows
    by one at every change; ending a silence sets ``until_ms``.
    """

    id: str
    who: str
    why: str
    created_ms: int
    until_ms: int
    key: str = ANY
    tenant: str = ANY
    detector: str = ANY
    kind: str = ANY
    network: str = ANY
    suspensions: bool = False
    version: int = 1

    def mutes(self, finding: Finding, now_ms: int) -> bool:
        """Whether the finding is inside scope and time."""
        return (
            self.created_ms <= now_ms < self.until_ms
            and fnmatchcase(finding.key_id, self.key)
            and fnmatchcase(finding.tenant, self.tenant)
            and fnmatchcase(finding.detector, self.detector)
            and fnmatchcase(finding.kind.value, self.kind)
            and _inside(finding.network, self.network)
        )

    def words(self) -> str:
        """The scope as a person reads it."""
        named = [(name, getattr(self, name)) for name in SCOPE]
        narrowed = [f"{name} {value}" for name, value in named if value != ANY]
        return ", ".join(narrowed) or "everything"


SCOPE = ("key", "tenant", "detector", "kind", "network")
"""The globs of a silence, in the order they are shown."""


def widens(old: Silence, new: Silence) -> bool:
    """Whether a change mutes more or longer. A glob that is not plainly narrower counts as wider."""
    if new.until_ms > old.until_ms or new.suspensions > old.suspensions:
        return True
    return any(not _narrower(getattr(old, name), getattr(new, name)) for name in SCOPE)


def _narrower(old: str, new: str) -> bool:
    literal = not set(new) & set("*?[")
    return new == old or old == ANY or (literal and fnmatchcase(new, old))


def _inside(network: str, pattern: str) -> bool:
    if fnmatchcase(network, pattern):
        return True
    try:
        inner, outer = ip_network(network), ip_network(pattern)
    except ValueError:
        return False
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
