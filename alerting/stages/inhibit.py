"""A lesser finding is not told while a greater one, of the same key, tenant or network, is."""

from __future__ import annotations

from alerting.memory import AlertMemory
from alerting.policy import InhibitRule, Policy
from alerting.stages.handling import Handling
from domain.clock import Clock
from domain.finding import Finding


class Inhibit:
    """The rules of ``policy.inhibit``; a finding that is itself a source is always told."""

    name = "inhibit"

    def __init__(self, policy: Policy, memory: AlertMemory, clock: Clock) -> None:
        self._rules = tuple(policy.inhibit)
        self._alert_p = policy.alert_p
        self._memory = memory
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        finding, now_ms = handling.finding, int(self._clock.now() * 1000)
        if handling.quiet:
            return handling
        for rule in self._rules:
            mark = _mark(rule, finding)
            if rule.source.holds(finding, self._alert_p):
                self._memory.mark(mark, now_ms, now_ms + rule.minutes * 60_000)
            elif rule.target.holds(finding, self._alert_p) and self._memory.marked(mark, now_ms):
                return handling.hushed(f"inhibited by {rule.name!r}: something greater is told already")
        return handling


def _mark(rule: InhibitRule, finding: Finding) -> str:
    values = {"key": finding.key_id, "tenant": finding.tenant, "network": finding.network}
    return "\0".join(["inhibit", rule.name, *(values[name] for name in rule.equal)])
