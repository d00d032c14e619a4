"""Two policies over the same recorded requests: what each would have alerted and suspended.

Every finding passes the stages of the real alert pipeline, with cases, budget and key store in memory and
the clock at the finding's event time. What a simulation cannot know: requests that a suspension would
have stopped are still in the recording, and no person gives a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from alerting.policy import Policy
from alerting.stages.handling import Handling
from domain.decision import Action
from domain.errors import Refused
from domain.finding import Finding
from domain.ports import OutboxEntry
from monitor.wiring_simulation import SimulatedAlerting, simulated_alerting

SUSPEND: Final = "suspend"
WOULD_SUSPEND: Final = "would suspend"
_RANK: Final = {"alert": 0, WOULD_SUSPEND: 1, SUSPEND: 2}


class KeyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy makes of one key. ``action`` is the worst: ``suspend``, ``would suspend`` (dry run)
    or ``alert``. ``alerts`` counts messages, after deduplication. Times are event time, epoch milliseconds.
    """

    key_id: str
    tenant: str
    action: str
    rule: str
    why: str
    first_ms: int
    suspended_ms: int | None
    alerts: int
    cases: int
    findings: int
    risk: float
    held_back: str


class PolicyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy makes of the recording; ``keys`` are those that were not merely observed.

    ``suspended``, ``would_suspend`` and ``held_back`` (a suspension that a guard stopped) count keys.
    """

    name: str
    events: int
    findings: int
    observed: int
    alerts: int
    suspended: int
    would_suspend: int
    held_back: int
    keys: list[KeyOutcome]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A key that both policies speak of and treat differently; ``what`` of it differs."""

    key_id: str
    what: list[str]
    old: KeyOutcome
    new: KeyOutcome


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``new`` against ``old``. ``same`` counts keys that both treat alike."""

    from_ms: int | None
    to_ms: int | None
    old: PolicyOutcome
    new: PolicyOutcome
    only_old: list[KeyOutcome]
    only_new: list[KeyOutcome]
    changed: list[Change]
    same: int


def simulate(
    policy: Policy, name: str, findings: Iterable[Finding], first_seen: npt.NDArray[np.int64], events: int
) -> PolicyOutcome:
    """``findings`` through the alert pipeline in the order of their time.

    ``first_seen`` (keys,) sorted: when each key was first used, which is how many keys are in use at a
    time, for the share of them that may be suspended.
    """
    alerting = simulated_alerting(
        policy, lambda: int(np.searchsorted(first_seen, alerting.clock.now() * 1000, side="right"))
    )
    ordered = sorted(findings, key=lambda f: (f.ts_ms, f.partition, f.offset, f.detector))
    handlings = [handled(alerting, finding) for finding in ordered]
    by_key: dict[str, list[Handling]] = {}
    for handling in handlings:
        if handling.case is not None:
            by_key.setdefault(handling.finding.key_id, []).append(handling)
    keys = sorted((_outcome(found) for found in by_key.values()), key=lambda k: (k.first_ms, k.key_id))
    actions = [k.action for k in keys]
    return PolicyOutcome(
        name=name,
        events=events,
        findings=len(ordered),
        observed=sum(handling.case is None for handling in handlings),
        alerts=sum(k.alerts for k in keys),
        suspended=actions.count(SUSPEND),
        would_suspend=actions.count(WOULD_SUSPEND),
        held_back=sum(bool(k.held_back) for k in keys),
        keys=keys,
    )


def handled(alerting: SimulatedAlerting, finding: Finding) -> Handling:
    """What the stages make of a finding at its time; call in the order of time."""
    alerting.clock.set(finding.ts_ms / 1000)
    alerting.review.expire_due()
    try:
        alerting.keys.describe(finding.key_id)
    except Refused:
        alerting.keys.import_external(finding.key_id, finding.tenant, "")
    return alerting.pipeline.handle(OutboxEntry(finding, ""))


def _action(handling: Handling) -> str:
    decision = handling.decision
    if decision.action is not Action.SUSPEND:
        return "alert"
    return WOULD_SUSPEND if decision.dry_run else SUSPEND


def _outcome(handled: list[Handling]) -> KeyOutcome:
    """One key's findings in order of time, none of them merely observed."""
    worst = max(handled, key=lambda i: _RANK[_action(i)])
    first = handled[0].finding
    held = [i.decision.held_back for i in handled if i.decision.held_back and not i.decision.dry_run]
    return KeyOutcome(
        key_id=first.key_id,
        tenant=first.tenant,
        action=_action(worst),
        rule=worst.decision.rule,
        why=worst.decision.why,
        first_ms=first.ts_ms,
        suspended_ms=worst.finding.ts_ms if _action(worst) != "alert" else None,
        alerts=sum(i.loud and not i.quiet for i in handled),
        cases=len({i.case.id for i in handled if i.case}),
        findings=len(handled),
        risk=max(i.finding.risk for i in handled),
        held_back=held[0] if held else "",
    )


def compare(old: PolicyOutcome, new: PolicyOutcome, from_ms: int | None, to_ms: int | None) -> Comparison:
    """The keys in one outcome only, and those treated differently."""
    before, after = ({k.key_id: k for k in outcome.keys} for outcome in (old, new))
    both = [(k, after[k.key_id]) for k in old.keys if k.key_id in after]
    changes = [Change(key_id=a.key_id, what=_differs(a, b), old=a, new=b) for a, b in both]
    changed = [change for change in changes if change.what]
    return Comparison(
        from_ms=from_ms,
        to_ms=to_ms,
        old=old,
        new=new,
        only_old=[k for k in old.keys if k.key_id not in after],
        only_new=[k for k in new.keys if k.key_id not in before],
        changed=changed,
        same=len(both) - len(changed),
    )


def _differs(old: KeyOutcome, new: KeyOutcome) -> list[str]:
    watched = ("action", "first_ms", "suspended_ms", "alerts", "cases", "held_back")
    return [name for name in watched if getattr(old, name) != getattr(new, name)]
