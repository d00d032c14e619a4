"""Open or refresh the case, and stop the key if policy and every guard agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec.structs import replace as with_

from alerting.delivery.errands import OwnerEvent
from alerting.desk import KEYWATCH, Desk
from alerting.memory import AlertMemory
from alerting.policy import Policy
from alerting.stages.handling import Handling
from domain.case import Case, CaseNote, CaseState
from domain.decision import Action, Decision
from domain.errors import Refused
from domain.finding import Finding
from domain.ports import CaseQuery

FINDINGS_KEPT = 50
CASES_READ = 5
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Suspend:
    """Runs before any message. ``Transient`` from a store leaves the finding in the outbox."""

    name = "suspend"

    def __init__(
        self, policy: Policy, desk: Desk, memory: AlertMemory, active_keys: Callable[[], int]
    ) -> None:
        self._policy = policy
        self._desk = desk
        self._memory = memory
        self._active_keys = active_keys

    def __call__(self, handling: Handling) -> Handling:
        if handling.decision.action is Action.OBSERVE:
            return handling
        decision = handling.decision
        case, repeated = self._case(handling.finding, decision)
        if case.state is not CaseState.OPEN:
            return handling.hushed(f"it came again, and {case.id} is {case.state.value} by now")
        if decision.action is Action.SUSPEND and not decision.dry_run:
            decision, case = self._suspend(case, handling.finding, decision)
        return replace(handling, case=case, decision=decision, repeated=repeated)

    # -- the case ------------------------------------------------------------------------------------

    def _case(self, finding: Finding, decision: Decision) -> tuple[Case, bool]:
        """The key's case with the finding in it, and whether it was in it before."""
        case = self._desk.cases.open_for_key(finding.key_id) or self._handled_before(finding)
        if case is None:
            return self._opened(finding, decision), False
        if any(known.id == finding.id for known in case.findings):
            return case, True
        worse = decision.action.rank > case.decision.action.rank
        changed = with_(
            case,
            version=case.version + 1,
            findings=[*case.findings, finding][-FINDINGS_KEPT:],
            risk=max(case.risk, finding.risk),
            decision=decision if worse else case.decision,
        )
        self._desk.cases.put(changed)
        return changed, False

    def _handled_before(self, finding: Finding) -> Case | None:
        """The closed case that holds this very finding: the outbox delivers at least once."""
        recent = self._desk.cases.page(CaseQuery(key_id=finding.key_id, limit=CASES_READ)).cases
        return next((case for case in recent if any(f.id == finding.id for f in case.findings)), None)

    def _opened(self, finding: Finding, decision: Decision) -> Case:
        now_ms = self._desk.now_ms()
        case_days = self._policy.review.case_days
        case = Case(
            id=f"case_{finding.id[:16]}",
            key_id=finding.key_id,
            tenant=finding.tenant,
            state=CaseState.OPEN,
            opened_ms=now_ms,
            version=1,
            decision=decision,
            risk=finding.risk,
            findings=[finding],
            expires_ms=now_ms + int(case_days * DAY_MS),
            timeline=[CaseNote(ts_ms=now_ms, who=KEYWATCH, what="opened", why=decision.why)],
        )
        self._desk.cases.put(case)
        return case

    # -- the suspension ------------------------------------------------------------------------------

    def _suspend(self, case: Case, finding: Finding, decision: Decision) -> tuple[Decision, Case]:
        if case.suspended:
            return decision, case
        held = self._held_back(case, finding)
        if not held:
            try:
                return decision, self._stopped(case, decision)
            except Refused as error:
                held = str(error)
        lowered = with_(decision, action=Action.ALERT, held_back=held)
        if case.decision == lowered:
            return lowered, case
        return lowered, self._desk.noted(
            case, KEYWATCH, f"not suspended: {held}", decision.why, decision=lowered
        )

    def _held_back(self, case: Case, finding: Finding) -> str:
        """Why the key is not suspended although the rule says so; empty when every guard agrees."""
        if self._policy.protects(finding.key_id):
            return "the key is protected"
        certain = finding.contributions.get("certain", 0) > 0
        if finding.baseline_events < self._policy.min_baseline_events and not certain:
            return f"its baseline knows only {finding.baseline_events} requests"
        if not self._desk.keys.capabilities().reversible:
            return "this key store cannot undo a suspension: a person must decide"
        return self._budget(case)

    def _budget(self, case: Case) -> str:
        allowed = self._policy.budget.allowed(self._active_keys())
        made = self._memory.suspensions_since(self._desk.now_ms() - HOUR_MS, case.id)
        if made < allowed:
            return ""
        return f"{made} keys were suspended within the hour and policy allows {allowed}: a person must decide"

    def _stopped(self, case: Case, decision: Decision) -> Case:
        """Audit, then act, then record: a crash in between repeats, it never leaves an act unaudited."""
        expires_ms = case.opened_ms + int(self._policy.suspension_hours * HOUR_MS)
        self._desk.audited(case, KEYWATCH, "suspend", decision.why)
        self._desk.keys.suspend(case.key_id, case_id=case.id, reason=decision.why, expires_ms=expires_ms)
        self._memory.suspended(case.id, self._desk.now_ms())
        stopped = {"suspended": True, "expires_ms": expires_ms}
        self._desk.out.owner(with_(case, **stopped), OwnerEvent.SUSPENDED, decision.why)
        return self._desk.noted(case, KEYWATCH, "suspended", decision.why, **stopped)
