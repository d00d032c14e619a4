"""The policy file: ordered rules from a finding to a decision, and the limits of automatic suspension."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml

from alerting.rules import GroupRules, RemindRules, ReviewRules, Rulebook
from domain.decision import Action, Decision
from domain.errors import Fatal, Reason
from domain.finding import Finding, Kind

COUNTED_BITS: Final = 8.0
"""A kind counts as evidence of its own from here on, see ``detectors.combine``."""
_BUDGET: Final = re.compile(r"([0-9.]+) ?/ ?day ?/ ?([0-9]+) keys")


class When(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All that is set must hold. ``key`` and ``tenant`` are globs.

    ``within_budget``: the finding is so rare that the alert budget has room for its like; proof always is.
    """

    within_budget: bool = False
    risk_at_least: float = 0.0
    kinds_at_least: int = 0
    kinds_any: list[Kind] = []
    detector_any: list[str] = []
    key: str = "*"
    tenant: str = "*"

    def holds(self, finding: Finding, alert_p: float) -> bool:
        """Whether the finding meets every condition; ``alert_p`` is the budget as a share of key-days."""
        kinds = {Kind(k) for k, bits in finding.contributions.items() if bits >= COUNTED_BITS}
        return (
            (not self.within_budget or finding.p_value <= alert_p)
            and finding.risk >= self.risk_at_least
            and len(kinds) >= self.kinds_at_least
            and (not self.kinds_any or bool(kinds & set(self.kinds_any)))
            and (not self.detector_any or finding.detector in self.detector_any)
            and fnmatchcase(finding.key_id, self.key)
            and fnmatchcase(finding.tenant, self.tenant)
        )


class Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One line of the policy. ``allow_single_kind`` lets a suspension rest on one kind of evidence."""

    name: str
    then: Action
    when: When = When()
    allow_single_kind: bool = False

    def problem(self) -> str:
        """Why the rule cannot be, and what to do; empty for one that can."""
        sound = self.when.kinds_at_least >= 2 or self.when.kinds_any == [Kind.CERTAIN]
        if self.then is not Action.SUSPEND or sound or self.allow_single_kind:
            return ""
        return (
            f"rule {self.name!r} suspends on one kind of evidence; add `kinds_at_least: 2` to its "
            "`when`, or `allow_single_kind: true` to the rule if that is meant"
        )


class Budget(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How many suspensions an hour before the circuit opens."""

    per_hour: int = 20
    share_of_active_keys: float = 0.01

    def allowed(self, active_keys: int) -> int:
        """Suspensions an hour, with so many keys in use; one at least."""
        return min(self.per_hour, max(1, int(self.share_of_active_keys * active_keys)))


class InhibitRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """While a finding like ``source`` is open, those like ``target`` that agree in ``equal`` are not told."""

    name: str
    source: When
    target: When
    equal: tuple[Literal["key", "tenant", "network"], ...] = ("key",)
    minutes: int = 60


class Policy(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A checked policy; safe by default."""

    version: Literal[1]
    rules: list[Rule]
    suspend: Literal["off", "dry-run", "on"] = "dry-run"
    alert_budget: str = "5/day/1000 keys"
    suspension_hours: float = 24.0
    protected_keys: list[str] = []
    budget: Budget = Budget()
    min_baseline_events: int = 200
    refire_minutes: int = 60
    group: GroupRules = GroupRules()
    inhibit: list[InhibitRule] = []
    remind: RemindRules = RemindRules()
    review: ReviewRules = ReviewRules()

    @property
    def alert_p(self) -> float:
        """The alert budget as alerts a key and day.

        >>> Policy(version=1, rules=[], alert_budget="5/day/1000 keys").alert_p
        0.005
        """
        parts = _BUDGET.fullmatch(self.alert_budget)
        if parts is None or not float(parts[2]) or not 0 < float(parts[1]) < float(parts[2]):
            raise Fatal(
                Reason.CONFIG, f"alert_budget: {self.alert_budget!r} is not of the form '5/day/1000 keys'"
            )
        return float(parts[1]) / float(parts[2])

    def decide(self, finding: Finding) -> Decision:
        """The first rule that holds; observe when none does. Dry run is marked, other guards come later."""
        for rule in self.rules:
            if rule.when.holds(finding, self.alert_p):
                return self._decision(rule, finding)
        return Decision(action=Action.OBSERVE, rule="", why="no rule matched")

    def _decision(self, rule: Rule, finding: Finding) -> Decision:
        kinds = ", ".join(f"{k} {bits:.0f} bits" for k, bits in finding.contributions.items())
        why = f"risk {finding.risk:.2f} from {kinds}"
        if rule.then is not Action.SUSPEND or self.suspend == "on":
            return Decision(action=rule.then, rule=rule.name, why=why)
        if self.suspend == "off":
            return Decision(action=Action.ALERT, rule=rule.name, why=why, held_back="suspension is off")
        return Decision(action=Action.SUSPEND, rule=rule.name, why=why, dry_run=True, held_back="dry run")

    def rulebook(self) -> Rulebook:
        """The parts about people, to be replaced when the policy changes."""
        return Rulebook(self.review, self.remind)

    def protects(self, key_id: str) -> bool:
        """Whether the key may never be suspended automatically."""
        return any(fnmatchcase(key_id, pattern) for pattern in self.protected_keys)


def load_policy(path: Path | None) -> Policy:
    """Read and check a policy file; None is the shipped one. Raises ``Fatal`` saying what to change."""
    return policy_of(policy_text(path), str(path or "the shipped policy"))


def policy_text(path: Path | None) -> str:
    """A policy file as it is; None is the shipped one."""
    try:
        return (path or files("alerting") / "default_policy.yaml").read_text()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"alert.policy: cannot read {path}: {error.strerror}") from error


def policy_of(text: str, where: str) -> Policy:
    """A checked policy. Raises ``Fatal`` with the first problem; ``where`` is for its message."""
    try:
        policy = msgspec.convert(tree_of(text), Policy)
    except yaml.YAMLError as error:
        raise Fatal(Reason.CONFIG, f"{where} is not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise Fatal(Reason.CONFIG, f"{where}: {error}") from error
    _ = policy.alert_p  # refuses a budget that cannot be read
    for rule in policy.rules:
        if problem := rule.problem():
            raise Fatal(Reason.CONFIG, f"{where}: {problem}")
    return policy


def tree_of(text: str) -> Any:
    """The YAML, with what a person means by on and off. Raises ``yaml.YAMLError``."""
    tree: Any = yaml.safe_load(text)
    if isinstance(tree, dict) and isinstance(tree.get("suspend"), bool):
        tree["suspend"] = "on" if tree["suspend"] else "off"  # YAML reads a bare on and off as booleans
    return tree
