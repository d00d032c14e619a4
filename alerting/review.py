"""A person's verdict on a case, and the end of a suspension that ran out."""

from __future__ import annotations

from msgspec.structs import replace

from domain.case import Case, CaseNote, CaseState, Verdict
from domain.clock import Clock
from domain.errors import Reason, Refused
from domain.ports import Audit, CaseStore, KeyStore

_STATE_AFTER = {
    Verdict.REINSTATE: CaseState.REINSTATED,
    Verdict.FALSE_POSITIVE: CaseState.REINSTATED,
    Verdict.CONFIRM: CaseState.CONFIRMED,
}


class Review:
    """Audits first, then acts on the key store, then closes the case; safe to repeat after a failure."""

    def __init__(self, cases: CaseStore, keys: KeyStore, audit: Audit, clock: Clock) -> None:
        self._cases = cases
        self._keys = keys
        self._audit = audit
        self._clock = clock

    def give(self, case_id: str, verdict: Verdict, who: str, why: str) -> Case:
        """Close a case. Reinstating touches the key store only if keywatch suspended the key for it.

        Raises ``Refused(ILLEGAL_STATE)`` for a case that has its verdict.
        """
        case = self._cases.get(case_id)
        if case.state is not CaseState.OPEN:
            raise Refused(Reason.ILLEGAL_STATE, f"case {case_id} is closed already: {case.state.value}")
        self._audit.write(who=who, what=verdict.value, key_id=case.key_id, case_id=case_id, why=why)
        if case.suspended and verdict is not Verdict.CONFIRM:
            self._keys.reinstate(case.key_id, case_id=case_id)
        return self._close(case, _STATE_AFTER[verdict], who, verdict.value, why)

    def expire_due(self) -> list[Case]:
        """End suspensions whose time is over; the cases close as expired."""
        now_ms = int(self._clock.now() * 1000)
        due = [c for c in self._cases.list(CaseState.OPEN, 10_000) if c.expires_ms and c.expires_ms <= now_ms]
        return [self._expire(case) for case in due]

    def _expire(self, case: Case) -> Case:
        self._audit.write(
            who="keywatch", what="expire", key_id=case.key_id, case_id=case.id, why="the suspension ran out"
        )
        if case.suspended:
            self._keys.reinstate(case.key_id, case_id=case.id)
        return self._close(case, CaseState.EXPIRED, "keywatch", "expired", "nobody gave a verdict in time")

    def _close(self, case: Case, state: CaseState, who: str, what: str, why: str) -> Case:
        now_ms = int(self._clock.now() * 1000)
        note = CaseNote(ts_ms=now_ms, who=who, what=what, why=why)
        closed = replace(
            case, state=state, closed_ms=now_ms, version=case.version + 1, timeline=[*case.timeline, note]
        )
        self._cases.put(closed)
        return closed
