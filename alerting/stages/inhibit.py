"""A lesser finding is not told while a greater one, of the same key, tenant or network, is."""

from __future__ import annotations

from collections.abc import Sequence

from alerting.memory import AlertMemory
from alerting.policy import InhibitRule
from alerting.stages.handling import Handling
from domain.clock import Clock
from domain.finding import Finding


class Inhibit:
    """The rules of ``policy.inhibit``; a finding that is itself a source is always told."""

    name = "inhibit"

    def __init__(self, rules: Sequence[InhibitRule], memory: AlertMemory, clock: Clock) -> None:
        self._rules = tuple(rules)
        self._memory = memory
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        finding, now_ms = handling.finding, int(self._clock.now() * 1000)
        if handling.quiet:
            return handling
        for rule in self._rules:
            if rule.source.holds(finding):
                until_ms = now_ms + rule.minutes * 60_000
                self._memory.mark(_mark(rule, finding), now_ms, until_ms)
            elif rule.target.holds(finding) and self._memory.marked(_mark(rule, finding), now_ms):
                return handling.hushed(f"inhibited by {rule.name!r}: something greater is told already")
        return handling


def _mark(rule: InhibitRule, finding: Finding) -> str:
    values = {"key": finding.key_id, "tenant": finding.tenant, "network": finding.network}
    return "\0".join(["inhibit", rule.name, *(values[name] for name in rule.equal)])
