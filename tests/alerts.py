"""An alert to send, with the parts a test wants different."""

from __future__ import annotations

from msgspec.structs import replace

from domain.case import Case, CaseState
from domain.decision import Action, Decision
from domain.finding import Evidence, Finding, Kind
from domain.ports import Alert

NOW_MS = 1_780_000_000_000


def finding(
    key_id: str = "key_victim",
    tenant: str = "acme",
    actual: str = "RU, AS64500",
    client: str = "curl",
    endpoint: str = "GET /v1/items/{id}",
    **different: object,
) -> Finding:
    """A key used from a new country; ``different`` are fields of the finding to have otherwise."""
    usual = Finding(
        id="f1",
        detector="geo_shift",
        kind=Kind.ORIGIN,
        key_id=key_id,
        tenant=tenant,
        partition=0,
        offset=7,
        ts_ms=NOW_MS,
        window_start_ms=NOW_MS,
        bits=29.0,
        risk=0.97,
        contributions={"origin": 24.0},
        evidence=[Evidence(what="country and operator", expected="NL, AS64496", actual=actual, bits=29.0)],
        baseline_events=5_000,
        country="RU",
        asn=64500,
        network="198.18.7.0/24",
        client=client,
        endpoint=endpoint,
    )
    return replace(usual, **different)


def case(found: Finding, case_id: str = "case_1") -> Case:
    """The open case of a finding."""
    return Case(
        id=case_id,
        key_id=found.key_id,
        tenant=found.tenant,
        state=CaseState.OPEN,
        opened_ms=NOW_MS,
        version=1,
        decision=Decision(action=Action.SUSPEND, rule="stolen key", why="two kinds of evidence"),
        risk=found.risk,
        findings=[found],
        suspended=True,
        expires_ms=NOW_MS + 86_400_000,
    )


def alert(case_id: str = "case_1", **different: str) -> Alert:
    """A suspension to tell people about."""
    found = finding(**different)
    opened = case(found, case_id)
    link = f"https://console/cases/{case_id}"
    return Alert(id=case_id, case=opened, decision=opened.decision, findings=(found,), link=link)
