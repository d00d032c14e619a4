"""The policy to read and to try, on the newest cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from alerting.policy import Policy, load_policy, policy_of, policy_text
from alerting.policy_problems import problems_of
from domain.case import Case
from domain.decision import Decision
from domain.errors import Fatal, Reason, Rejected
from domain.overview import PolicyChange, PolicyDifference
from domain.ports import CaseQuery, CaseStore
from monitor.backtest import handled
from monitor.reload import Stamp, stamp_of
from monitor.wiring_simulation import simulated_alerting

CASES_MAX: Final = 2_000
PAGE: Final = 200


class FilePolicyDesk:
    """A :class:`domain.overview.PolicyDesk` on the policy's file, the shipped one without a ``path``.

    ``active`` counts keys in use, for the suspension budget. ``adopt`` is called with a changed policy.
    """

    def __init__(
        self,
        path: Path | None,
        cases: CaseStore,
        active: Callable[[], int],
        adopt: Callable[[Policy], None] = lambda _policy: None,
    ) -> None:
        self._path = path
        self._cases = cases
        self._active = active
        self._adopt = adopt
        self._policy = load_policy(path)
        self._seen: Stamp | None = stamp_of(path) if path else None

    def policy(self) -> Policy:
        """As the file has it; the last good one while it is broken."""
        if self._path is None:
            return self._policy
        try:
            stamp = stamp_of(self._path)
            if stamp != self._seen:
                self._policy = load_policy(self._path)
                self._seen = stamp
                self._adopt(self._policy)
        except (Fatal, UnicodeDecodeError):
            pass  # the daemon, which goes on with the old one as well, says so
        return self._policy

    def current(self) -> str:
        return policy_text(self._path)

    def problems(self, text: str) -> Sequence[str]:
        return problems_of(text)

    def compare(self, text: str, cases: int = 500) -> PolicyDifference:
        """Both policies see the same findings of the cases in the order of their time, from an empty alert
        side: earlier verdicts and what was suspended meanwhile are not known to either. Blocks for a few
        milliseconds a finding.
        """
        new = checked_policy(text)
        found, active = self._newest(min(max(cases, 1), CASES_MAX)), self._active()
        before, after = (_decisions(policy, found, active) for policy in (self.policy(), new))
        changes = [_change(case, before[case.id], after[case.id]) for case in found if case.findings]
        return PolicyDifference(len(found), [change for change in changes if change])

    def _newest(self, count: int) -> list[Case]:
        found: list[Case] = []
        cursor = ""
        while len(found) < count:
            page = self._cases.page(CaseQuery(cursor=cursor, limit=min(PAGE, count - len(found))))
            found += page.cases
            cursor = page.cursor
            if not cursor:
                break
        return found


def checked_policy(text: str) -> Policy:
    """Raises ``Rejected`` with all that is wrong with it."""
    if problems := problems_of(text):
        raise Rejected(Reason.WRONG_TYPE, "; ".join(problems))
    return policy_of(text, "the new policy")


def _decisions(policy: Policy, cases: Sequence[Case], active: int) -> Mapping[str, Decision]:
    """The gravest decision in each case."""
    alerting = simulated_alerting(policy, lambda: active)
    told = [(finding, case.id) for case in cases for finding in case.findings]
    worst: dict[str, Decision] = {}
    for finding, case_id in sorted(told, key=lambda one: (one[0].ts_ms, one[0].id)):
        decision = handled(alerting, finding).decision
        known = worst.get(case_id)
        if known is None or _gravity(decision) > _gravity(known):
            worst[case_id] = decision
    return worst


def _gravity(decision: Decision) -> tuple[int, bool]:
    return decision.action.rank, not decision.dry_run


def _change(case: Case, before: Decision, after: Decision) -> PolicyChange | None:
    if _gravity(before) == _gravity(after):
        return None
    return PolicyChange(case.id, case.key_id, before.action, after.action, _rule(before), _rule(after))


def _rule(decision: Decision) -> str:
    return f"{decision.rule} (dry run)" if decision.dry_run else decision.rule
