"""Incidents in this process: the double of the Redis store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from alerting.incidents.base import Grouping, Joining, Link, links_of, member_of
from alerting.incidents.redis import unknown
from domain.desk import IncidentPage
from domain.incident import Incident, Scope


@dataclass(slots=True)
class _Record:
    incident: Incident
    cases: list[str] = field(default_factory=list)
    open: set[str] = field(default_factory=set)


class MemoryIncidentStore:
    """Gone with the process."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}
        self._links: dict[str, tuple[str, int]] = {}

    def join(self, joining: Joining, grouping: Grouping) -> Incident:
        links = links_of(joining.finding, grouping)
        found, through = self._found(links, joining.now_ms) or (joining.new_id, links[0])
        record = self._records.setdefault(found, _Record(_begun(found, joining)))
        joined = joining.case.id not in record.cases
        if joined:
            record.cases.append(joining.case.id)
            record.open.add(joining.case.id)
        for link in links:
            self._links[link.token] = (found, joining.now_ms + link.lives_ms)
        record.incident = _grown(record, joining, through, joined)
        return record.incident

    def _found(self, links: Sequence[Link], now_ms: int) -> tuple[str, Link] | None:
        for link in links:
            incident_id, ends_ms = self._links.get(link.token, ("", 0))
            if now_ms < ends_ms and self._records[incident_id].open:
                return incident_id, link
        return None

    def _record(self, incident_id: str) -> _Record:
        if incident_id not in self._records:
            raise unknown(incident_id)
        return self._records[incident_id]

    def get(self, incident_id: str) -> Incident:
        return self._record(incident_id).incident

    def members(self, incident_id: str, start: int = 0, limit: int = 50) -> Sequence[str]:
        record = self._records.get(incident_id)
        return record.cases[start : start + limit] if record else []

    def page(self, cursor: str = "", limit: int = 50, *, over: bool | None = None) -> IncidentPage:
        members = {
            member_of(record.incident.opened_ms, record.incident.id): record.incident
            for record in self._records.values()
            if over in (None, record.incident.over)
        }
        chosen = sorted((m for m in members if not cursor or m < cursor), reverse=True)[:limit]
        return IncidentPage([members[m] for m in chosen], chosen[-1] if len(chosen) == limit else "")

    def told(self, incident_id: str, rank: int, now_ms: int) -> Incident:
        return self._mark(incident_id, now_ms, told_rank=rank, told_ms=now_ms)

    def acted(self, incident_id: str, who: str, now_ms: int) -> Incident:
        return self._mark(incident_id, now_ms, acted_by=self.get(incident_id).acted_by or who)

    def _mark(self, incident_id: str, now_ms: int, **changes: object) -> Incident:
        record = self._record(incident_id)
        version = record.incident.version + 1
        record.incident = replace(record.incident, updated_ms=now_ms, version=version, **changes)
        return record.incident

    def left(self, incident_id: str, case_id: str, now_ms: int) -> Incident:
        record = self._record(incident_id)
        if case_id not in record.open:
            return record.incident
        record.open.remove(case_id)
        return self._mark(incident_id, now_ms, open=len(record.open))


def _begun(incident_id: str, joining: Joining) -> Incident:
    return Incident(
        id=incident_id,
        opened_ms=joining.now_ms,
        updated_ms=joining.now_ms,
        version=0,
        scope=Scope.KEY,
        name=joining.finding.key_id,
        tenant=joining.finding.tenant,
        lead=joining.case.id,
        cases=0,
        open=0,
        rank=joining.rank,
        severity=joining.severity,
    )


def _grown(record: _Record, joining: Joining, through: Link, joined: bool) -> Incident:
    old = record.incident
    rank = max(old.rank, joining.rank)
    severity = max(old.severity, joining.severity, key=lambda s: s.rank)
    if not joined and (rank, severity) == (old.rank, old.severity):
        return old
    widened = joined and old.scope is Scope.KEY and through.scope is not Scope.KEY
    return replace(
        old,
        scope=through.scope if widened else old.scope,
        name=through.name if widened else old.name,
        rank=rank,
        severity=severity,
        cases=len(record.cases),
        open=len(record.open),
        version=old.version + 1,
        updated_ms=joining.now_ms,
    )
