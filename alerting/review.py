"""A person's acts on a case, and the end of suspensions that ran out."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from alerting.delivery.errands import OwnerEvent
from alerting.desk import Desk, checked_text
from alerting.verdicts import Verdicts, agree, same_hand
from domain.case import Case, CaseState, Proposal, Verdict
from domain.errors import Reason, Refused, Transient

EXPIRED_AT_ONCE: Final = 1_000
"""Cases ended in one round; the rest waits for the next."""
WAITED_FOR: Final = 20
"""Stores that do not answer before a round ends: each costs its timeout."""


class Review:
    """See :class:`domain.desk.Reviewing`; every act is safe to repeat after a failure."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._verdicts = Verdicts(desk)

    def give(
        self, case_id: str, verdict: Verdict, who: str, why: str, *, revoke: bool = False, version: int = 0
    ) -> Case:
        """Reinstating touches the key store only if keywatch suspended the key for this case."""
        wanted = Proposal(
            verdict=verdict, who=who, why=checked_text(why), at_ms=self._desk.now_ms(), revoke=revoke
        )
        case = self._seen(case_id, version)
        if revoke and (verdict is not Verdict.CONFIRM or not self._can_revoke()):
            raise Refused(Reason.ILLEGAL_STATE, "this key store cannot revoke a key from here: confirm only")
        if verdict in self._desk.rules.review.two_person and not _seconded(case, wanted):
            return self._proposed(case, wanted)
        return self._verdicts.decide(case, wanted)

    def _can_revoke(self) -> bool:
        return self._desk.people is not None and self._desk.keys.capabilities().revokes

    def comment(self, case_id: str, who: str, text: str) -> Case:
        self._desk.audited(self._desk.cases.get(case_id), who, "comment", checked_text(text))
        return self._desk.spoken(case_id, who, "comment", checked_text(text))

    def ask_rotation(self, case_id: str, who: str, why: str) -> Case:
        case = self._seen(case_id, 0)
        self._desk.audited(case, who, "ask rotation", checked_text(why))
        self._desk.out.owner(case, OwnerEvent.ROTATE, checked_text(why))
        return self._desk.spoken(case_id, who, "asked the owner to rotate", checked_text(why))

    def end_allowances(self, case_id: str, who: str, why: str) -> Case:
        case, now_ms = self._desk.cases.get(case_id), self._desk.now_ms()
        if not any(allowance.until_ms > now_ms for allowance in case.allowances):
            raise Refused(Reason.ILLEGAL_STATE, f"case {case_id} lets nothing pass now")
        self._desk.audited(case, who, "end allowances", checked_text(why))
        ended = [replace(a, until_ms=min(a.until_ms, now_ms)) for a in case.allowances]
        return self._desk.noted(case, who, "ended its allowances", why, allowances=ended)

    def expire_due(self) -> list[Case]:
        """End suspensions whose time is over; the cases close as expired. One that somebody is just
        deciding on, or whose store does not answer, waits for the next round.

        Raises ``Transient``, after all others are ended, for stores that did not answer.
        """
        now_ms = self._desk.now_ms()
        due = list(self._desk.cases.due(now_ms, EXPIRED_AT_ONCE))
        start = now_ms // 1000 % len(due) if due else 0  # so that the same few do not always come first
        expired, waiting = list[Case](), list[Transient]()
        for case in due[start:] + due[:start]:
            try:
                expired.append(self._verdicts.expire(case))
            except Refused:
                continue
            except Transient as error:
                waiting.append(error)
            if len(waiting) == WAITED_FOR:
                break
        if waiting:
            text = f"{len(expired)} of {len(due)} suspensions ended; the others are tried again: {waiting[0]}"
            raise Transient(waiting[0].reason, text, waiting[0].retry_after_s)
        return expired

    def _seen(self, case_id: str, version: int) -> Case:
        case = self._desk.cases.get(case_id)
        if case.state is not CaseState.OPEN:
            last = case.timeline[-1].who if case.timeline else "somebody"
            raise Refused(
                Reason.ILLEGAL_STATE, f"case {case_id} is closed already: {case.state.value} by {last}"
            )
        if version and version != case.version:
            raise Refused(Reason.CONFLICT, f"case {case_id} has changed: look again, then decide")
        return case

    def _proposed(self, case: Case, wanted: Proposal) -> Case:
        if case.proposal and same_hand(case.proposal, wanted):
            raise Refused(
                Reason.DENIED, f"you proposed this yourself: a second person must decide on {case.id}"
            )
        what = f"proposed {wanted.verdict.value}"
        self._desk.audited(case, wanted.who, what, wanted.why)
        changed = self._desk.noted(case, wanted.who, what, wanted.why, proposal=wanted)
        self._desk.seen_to(changed, wanted.who)
        return changed


def _seconded(case: Case, wanted: Proposal) -> bool:
    """Whether another person proposed the same, or this one's verdict was already being carried out."""
    if case.deciding and same_hand(case.deciding, wanted):
        return True
    first = case.proposal
    return first is not None and first.who != wanted.who and agree(first, wanted)
