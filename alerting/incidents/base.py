"""Which incident a finding belongs to, and what an incident store must do.

A finding joins the open incident of its key; else one that its network is in; else one that its tenant
and kind are in, if that one heard of them lately. What it joined once it stays with: incidents are never
merged, so a message never changes what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.case import Case
from domain.desk import IncidentPage
from domain.finding import Finding
from domain.incident import Incident, Scope, Severity

KEY_LINK_MS: Final = 30 * 86_400_000
"""An incident is found by its key as long as it is open, and no suspension lasts longer than this."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """``by`` in the order tried (the key always is first); ``window_ms``: how long after its last finding
    an incident still takes in other keys.
    """

    by: Sequence[Scope] = (Scope.KEY, Scope.NETWORK, Scope.TENANT)
    window_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class Link:
    """A way to find an incident. ``token`` is safe in a store's key; ``name`` is for people."""

    scope: Scope
    name: str
    token: str
    lives_ms: int


@dataclass(frozen=True, slots=True)
class Joining:
    """A finding that looks for its incident, with what policy made of it."""

    finding: Finding
    case: Case
    rank: int
    severity: Severity
    now_ms: int

    @property
    def new_id(self) -> str:
        """The id of the incident that it begins if there is none; the same in every replica."""
        return f"inc_{self.finding.id[:16]}"


class IncidentStore(Protocol):
    """Incidents. Every act may be repeated."""

    def join(self, joining: Joining, grouping: Grouping) -> Incident:
        """The incident of the finding's case, begun if need be. Doing it again changes nothing."""

    def get(self, incident_id: str) -> Incident:
        """The incident. Raises ``Refused(NOT_FOUND)``."""

    def members(self, incident_id: str, start: int = 0, limit: int = 50) -> Sequence[str]:
        """Case ids in the order they joined."""

    def page(self, cursor: str = "", limit: int = 50, *, over: bool | None = None) -> IncidentPage:
        """Newest first."""

    def told(self, incident_id: str, rank: int, now_ms: int) -> Incident:
        """A message that made a sound is on its way."""

    def acted(self, incident_id: str, who: str, now_ms: int) -> Incident:
        """A person has seen to it; the first one is kept."""

    def left(self, incident_id: str, case_id: str, now_ms: int) -> Incident:
        """The case needs no verdict any more."""


def links_of(finding: Finding, grouping: Grouping) -> list[Link]:
    """The ways to find a finding's incident, in the order they are tried."""
    found = [Link(Scope.KEY, finding.key_id, _token("key", finding.key_id), KEY_LINK_MS)]
    window = grouping.window_ms
    if Scope.NETWORK in grouping.by and finding.network:
        network = finding.network
        found.append(Link(Scope.NETWORK, network, _token("network", network), window))
    if Scope.TENANT in grouping.by and finding.tenant:
        tenant = finding.tenant
        token = _token("tenant", f"{tenant}\0{finding.kind.value}")
        found.append(Link(Scope.TENANT, tenant, token, window))
    return found


def _token(scope: str, name: str) -> str:
    return f"{scope}:{name.encode().hex()}"


def member_of(opened_ms: int, incident_id: str) -> str:
    """An incident's place in a listing: ordered by bytes, and an exact cursor."""
    return f"{opened_ms:013d}:{incident_id}"
