"""Where a case is listed, and reading a listing by pages.

A member is the opening time in 13 digits, a colon and the case id, all with one score, so that members
are ordered by their bytes and the last one read is an exact cursor even among cases of one millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from domain.case import Case, CaseState, Verdict
from domain.errors import Reason, Rejected
from domain.ports import CasePage, CaseQuery, Score

SCANS: Final = 20
"""Members pages read at most to fill one page when few cases match."""
_MEMBER: Final = re.compile(r"\d{13}:[^\x00-\x20]{1,200}")


def member_of(case: Case) -> str:
    """The case's place in every listing."""
    return f"{case.opened_ms:013d}:{case.id}"


def id_of(member: str) -> str:
    """The case id of a member."""
    return member.partition(":")[2]


def listing_of(query: CaseQuery) -> str:
    """The narrowest listing that holds all a query wants."""
    if query.key_id:
        return key_listing(query.key_id)
    if query.tenant:
        return tenant_listing(query.tenant)
    return state_listing(query.state) if query.state else "all"


def key_listing(key_id: str) -> str:
    """The cases of one key; ids are exact bytes from outside, so they are written in hex."""
    return f"key:{key_id.encode().hex()}"


def tenant_listing(tenant: str) -> str:
    """The cases of one tenant."""
    return f"tenant:{tenant.encode().hex()}"


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
    cursor = checked_cursor(query.cursor)
    listing, found = listing_of(query), list[Case]()
    for _ in range(SCANS):
        members = below(listing, cursor, query.limit)
        for case in many([id_of(member) for member in members]):
            if _matches(case, query):
                found.append(case)
                if len(found) == query.limit:
                    return CasePage(found, member_of(case))
        if len(members) < query.limit:
            return CasePage(found, "")
        cursor = members[-1]
    return CasePage(found, cursor)


def checked_cursor(cursor: str) -> str:
    """The cursor itself. Raises ``Rejected`` for one that no page gave."""
    if cursor and not _MEMBER.fullmatch(cursor):
        raise Rejected(Reason.WRONG_TYPE, "not a cursor: pass the one that the last page gave, or none")
    return cursor


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


def due_ms(case: Case) -> int | None:
    """When the case's suspension ends by itself, None once it has its verdict."""
    return case.expires_ms if case.state is CaseState.OPEN else None
