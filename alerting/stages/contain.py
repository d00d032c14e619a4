"""Open or refresh the case, and stop the key if policy and every guard agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from msgspec.structs import replace as with_

from alerting.memory import AlertMemory
from alerting.policy import Policy
from alerting.stages.incident import Incident
from domain.case import Case, CaseNote, CaseState
from domain.clock import Clock
from domain.decision import Action, Decision
from domain.errors import Refused
from domain.finding import Finding
from domain.ports import Audit, CaseStore, KeyStore

FINDINGS_KEPT = 50
HOUR_MS = 3_600_000


class Contain:
    """Runs before any message. ``Transient`` from a store leaves the finding in the outbox."""

    name = "contain"

    def __init__(
        self,
        policy: Policy,
        cases: CaseStore,
        keys: KeyStore,
        audit: Audit,
        memory: AlertMemory,
        active_keys: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._cases = cases
        self._keys = keys
        self._audit = audit
        self._memory = memory
        self._active_keys = active_keys
        self._clock = clock

    def __call__(self, incident: Incident) -> Incident:
        if incident.decision.action is Action.OBSERVE:
            return replace(incident, quiet="observed only")
        case = self._case(incident.finding, incident.decision)
        decision = incident.decision
        if decision.action is Action.SUSPEND and not decision.dry_run:
            decision, case = self._suspend(case, incident.finding, decision)
        return replace(incident, case=case, decision=decision)

    # -- the case ------------------------------------------------------------------------------------

    def _case(self, finding: Finding, decision: Decision) -> Case:
        case = self._cases.open_for_key(finding.key_id)
        if case is None:
            return self._opened(finding, decision)
        if any(known.id == finding.id for known in case.findings):
            return case
        worse = decision.action.rank > case.decision.action.rank
        return self._written(
            case,
            findings=[*case.findings, finding][-FINDINGS_KEPT:],
            risk=max(case.risk, finding.risk),
            decision=decision if worse else case.decision,
        )

    def _opened(self, finding: Finding, decision: Decision) -> Case:
        now_ms = self._now_ms()
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
            timeline=[CaseNote(ts_ms=now_ms, who="keywatch", what="opened", why=decision.why)],
        )
        self._cases.put(case)
        return case

    def _written(self, case: Case, note: str = "", **changes: object) -> Case:
        timeline = case.timeline
        if note:
            line = CaseNote(ts_ms=self._now_ms(), who="keywatch", what=note, why=case.decision.why)
            timeline = [*timeline, line]
        changed: Case = with_(case, version=case.version + 1, timeline=timeline, **changes)
        self._cases.put(changed)
        return changed

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
        return lowered, self._written(case, f"not suspended: {held}", decision=lowered)

    def _held_back(self, case: Case, finding: Finding) -> str:
        """Why the key is not suspended although the rule says so; empty when every guard agrees."""
        if self._policy.protects(finding.key_id):
            return "the key is protected"
        certain = finding.contributions.get("certain", 0) > 0
        if finding.baseline_events < self._policy.min_baseline_events and not certain:
            return f"its baseline knows only {finding.baseline_events} requests"
        if not self._keys.capabilities().reversible:
            return "this key store cannot undo a suspension: a person must decide"
        return self._budget(case)

    def _budget(self, case: Case) -> str:
        budget = self._policy.budget
        share = max(1, int(budget.share_of_active_keys * self._active_keys()))
        allowed = min(budget.per_hour, share)
        made = self._memory.suspensions_since(self._now_ms() - HOUR_MS, case.id)
        if made < allowed:
            return ""
        return f"{made} keys were suspended within the hour and policy allows {allowed}: a person must decide"

    def _stopped(self, case: Case, decision: Decision) -> Case:
        """Audit, then act, then record: a crash in between repeats, it never leaves an act unaudited."""
        expires_ms = case.opened_ms + int(self._policy.suspension_hours * HOUR_MS)
        self._audit.write(
            who="keywatch", what="suspend", key_id=case.key_id, case_id=case.id, why=decision.why
        )
        self._keys.suspend(case.key_id, case_id=case.id, reason=decision.why, expires_ms=expires_ms)
        self._memory.suspended(case.id, self._now_ms())
        return self._written(case, "suspended", suspended=True, expires_ms=expires_ms)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
