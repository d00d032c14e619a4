"""What policy makes of a finding, unless a person said that such findings are honest."""

from __future__ import annotations

from dataclasses import replace

from alerting.policy import Policy
from alerting.stages.handling import Handling
from domain.allowance import where_of
from domain.case import CaseState
from domain.clock import Clock
from domain.decision import Action, Decision
from domain.finding import Finding
from domain.ports import CaseQuery, CaseStore

VERDICTS_READ = 20
"""The key's newest reinstated cases: an allowance lasts days, and verdicts on one key are few."""


class Decide:
    """Detection keeps to allowances too; this covers what it found before it knew of them."""

    name = "decide"

    def __init__(self, policy: Policy, cases: CaseStore, clock: Clock) -> None:
        self._policy = policy
        self._cases = cases
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        decision = self._policy.decide(handling.finding)
        if decision.action is not Action.OBSERVE and (why := self._allowed(handling.finding)):
            decision = Decision(action=Action.OBSERVE, rule=decision.rule, why=why)
        quiet = "observed only" if decision.action is Action.OBSERVE else ""
        return replace(handling, decision=decision, quiet=quiet)

    def _allowed(self, finding: Finding) -> str:
        query = CaseQuery(state=CaseState.REINSTATED, key_id=finding.key_id, limit=VERDICTS_READ)
        now_ms = int(self._clock.now() * 1000)
        for case in self._cases.page(query).cases:
            for allowance in case.allowances:
                if allowance.covers(finding.key_id, finding.kind, where_of(finding), now_ms):
                    return f"{allowance.words()} are allowed by the verdict on {case.id}"
        return ""
