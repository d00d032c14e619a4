"""Carrying out a verdict on a case.

A verdict is claimed in the case first, so that of two people who decide at once one is told to wait.
Then it is audited, carried out in the key store, told, and only then the case closes: after a crash the
same verdict goes on where it stopped, and nothing was done that the audit does not know.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from alerting.delivery.errands import OwnerEvent
from alerting.desk import KEYWATCH, Desk
from domain.allowance import Allowance, allowances_of
from domain.case import Case, CaseState, Proposal, Verdict
from domain.errors import Reason, Refused
from domain.notice import Notice

DECIDING_MS: Final = 60_000
"""After this long a verdict that was begun and not ended may be overruled: its process is gone."""
DAY_MS: Final = 86_400_000
STATE_AFTER: Final = {
    Verdict.REINSTATE: CaseState.REINSTATED,
    Verdict.FALSE_POSITIVE: CaseState.REINSTATED,
    Verdict.CONFIRM: CaseState.CONFIRMED,
}


class Verdicts:
    """Every step may be done again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def decide(self, case: Case, wanted: Proposal) -> Case:
        """Close the case with a person's verdict. Raises ``Refused(CONFLICT)`` while another is at it."""
        case = self._claimed(case, wanted)
        self._desk.audited(case, wanted.who, wanted.verdict.value, wanted.why)
        remark = self._carried_out(case, wanted)
        allowed = self._allowances(case, wanted)
        self._told(case, wanted)
        closed = self._closed(
            case,
            wanted,
            wanted.verdict.value,
            remark,
            state=STATE_AFTER[wanted.verdict],
            verdict=wanted.verdict,
            revoked=wanted.revoke,
            allowances=allowed,
        )
        if allowed:
            self._desk.out.notice(allowance_notice(closed, wanted))
        return closed

    def expire(self, case: Case) -> Case:
        """End a suspension that ran out."""
        why = "nobody gave a verdict in time"
        at_ms = self._desk.now_ms()
        wanted = Proposal(verdict=Verdict.REINSTATE, who=KEYWATCH, why=why, at_ms=at_ms)
        case = self._claimed(case, wanted)
        self._desk.audited(case, KEYWATCH, "expire", why)
        remark = self._carried_out(case, wanted)
        self._told(case, wanted)
        return self._closed(case, wanted, "expired", remark, state=CaseState.EXPIRED)

    def _claimed(self, case: Case, wanted: Proposal) -> Case:
        busy = case.deciding
        if busy and wanted.at_ms - busy.at_ms < DECIDING_MS and not same_hand(busy, wanted):
            raise Refused(
                Reason.CONFLICT, f"{busy.who} is just deciding on case {case.id}: {busy.verdict.value}"
            )
        changed = replace(case, version=case.version + 1, deciding=wanted)
        self._desk.cases.put(changed)
        return changed

    def _carried_out(self, case: Case, given: Proposal) -> str:
        """What the key store had against it, in words, if anything: the verdict stands all the same."""
        people, key_id = self._desk.people, case.key_id
        try:
            if given.revoke and people:
                people.revoke(key_id, given.who, given.why)
            elif given.verdict is not Verdict.CONFIRM and case.suspended:
                self._desk.keys.reinstate(key_id, case_id=case.id)
            elif given.verdict is Verdict.CONFIRM and case.suspended and people:
                people.suspend_manually(key_id, given.who, given.why)
        except Refused as error:
            return f" (key store: {error})"
        return ""

    def _allowances(self, case: Case, given: Proposal) -> list[Allowance]:
        if given.verdict is not Verdict.FALSE_POSITIVE:
            return []
        days = self._desk.rules.review.allowance_days
        return allowances_of(case.findings, self._desk.now_ms() + int(days * DAY_MS))

    def _closed(self, case: Case, given: Proposal, what: str, remark: str, **changes: object) -> Case:
        """Findings may come while a verdict is carried out: close the case with them."""
        now_ms, why = self._desk.now_ms(), given.why + remark

        def close(newest: Case) -> Case:
            if newest.deciding != given:
                raise Refused(Reason.ILLEGAL_STATE, f"case {case.id}: somebody else has decided meanwhile")
            return self._desk.noted(
                newest, given.who, what, why, closed_ms=now_ms, deciding=None, proposal=None, **changes
            )

        return self._desk.insisting(case.id, close)

    def _told(self, case: Case, given: Proposal) -> None:
        """Owner and people hear of it; the incident's message is brought up to date a second later."""
        if given.revoke:
            self._desk.out.owner(case, OwnerEvent.REVOKED, given.why)
        elif case.suspended and given.verdict is not Verdict.CONFIRM:
            self._desk.out.owner(case, OwnerEvent.REINSTATED, given.why)
        if not case.incident_id:
            return
        try:
            incident = self._desk.incidents.left(case.incident_id, case.id, self._desk.now_ms())
        except Refused:
            return  # an incident of long ago
        self._desk.out.incident(incident, soon=False)
        if incident.over:
            self._desk.out.calm(incident.id)
        if given.who != KEYWATCH:
            self._desk.seen_to(case, given.who)


def same_hand(one: Proposal, other: Proposal) -> bool:
    """The same person with the same verdict."""
    return one.who == other.who and agree(one, other)


def agree(one: Proposal, other: Proposal) -> bool:
    """The same verdict."""
    return (one.verdict, one.revoke) == (other.verdict, other.revoke)


def allowance_notice(case: Case, given: Proposal) -> Notice:
    """What others must know of a false-positive verdict: what is not watched now, and until when."""
    lines = [allowance.words() for allowance in case.allowances]
    return Notice(
        id=f"allowance:{case.id}",
        title=f"{given.who} called alerts on key {case.key_id} false: such findings now pass",
        lines=[*lines, f"Reason: {given.why}", f"End it: keywatch cases watch-again {case.id}"],
        tenant=case.tenant,
        key_id=case.key_id,
        at_ms=case.closed_ms or 0,
    )
