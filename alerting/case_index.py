"""Where a case is listed, and what is counted of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alerting.listing import key_listing, member_at, read_listing, tenant_listing
from domain.case import Case, CaseState, Verdict
from domain.ports import CasePage, CaseQuery, Score


def member_of(case: Case) -> str:
    """The case's place in every listing."""
    return member_at(case.opened_ms, case.id)


def listing_of(query: CaseQuery) -> str:
    """The narrowest listing that holds all a query wants."""
    if query.key_id:
        return key_listing(query.key_id)
    if query.tenant:
        return tenant_listing(query.tenant)
    return state_listing(query.state) if query.state else "all"


def state_listing(state: CaseState) -> str:
    """The cases in one state."""
    return f"state:{state.value}"


def listings_of(case: Case) -> list[str]:
    """All listings that the case is in for good; its state's listing comes and goes."""
    return ["all", key_listing(case.key_id), tenant_listing(case.tenant)]


def read_page(
    query: CaseQuery,
    below: Callable[[str, str, int], Sequence[str]],
    many: Callable[[Sequence[str]], Sequence[Case]],
) -> CasePage:
    """``below(listing, cursor, n)`` answers up to n members in falling order. Raises ``Rejected``."""
    listing = listing_of(query)
    found, cursor = read_listing(
        query.cursor,
        query.limit,
        lambda at, n: below(listing, at, n),
        many,
        lambda case: _matches(case, query),
        member_of,
    )
    return CasePage(found, cursor)


def _matches(case: Case, query: CaseQuery) -> bool:
    return (
        query.state in (None, case.state)
        and query.key_id in ("", case.key_id)
        and query.tenant in ("", case.tenant)
    )


def scored(case: Case) -> list[str]:
    """The detectors whose record the case's verdict counts in: one each, however often they spoke."""
    return sorted({finding.detector for finding in case.findings}) if case.verdict else []


def with_verdict(score: Score, verdict: Verdict, count: int) -> Score:
    """The score with ``count`` more verdicts of one sort."""
    return Score(
        confirmed=score.confirmed + count * (verdict is Verdict.CONFIRM),
        false_positive=score.false_positive + count * (verdict is Verdict.FALSE_POSITIVE),
        reinstated=score.reinstated + count * (verdict is Verdict.REINSTATE),
    )


def allowed_until(case: Case) -> int | None:
    """When the last of the case's allowances ends, epoch milliseconds."""
    return max((allowance.until_ms for allowance in case.allowances), default=None)


def forgettable(case: Case, before_ms: int, now_ms: int) -> bool:
    """Whether the case was closed before then, and lets nothing pass any more."""
    closed_ms = case.closed_ms or case.opened_ms
    return case.state is not CaseState.OPEN and closed_ms < before_ms and (allowed_until(case) or 0) <= now_ms


def due_ms(case: Case) -> int | None:
    """When the case's suspension ends by itself, None once it has its verdict."""
    return case.expires_ms if case.state is CaseState.OPEN else None
