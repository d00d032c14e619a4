"""docs/reference/policy.md: every part of the policy file."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import msgspec

from alerting.policy import COUNTED_BITS, Budget, InhibitRule, Policy, Rule, When
from alerting.rules import GroupRules, RemindRules, ReviewRules
from monitor.reference.fields import HEAD, Words, rows

STRUCTS: Final = (Policy, Rule, When, Budget, GroupRules, InhibitRule, RemindRules, ReviewRules)
INTRO: Final = """# Policy file

What keywatch does about a finding: `alert.policy` of the [settings](settings.md) names the file. The first
rule that matches decides. A rule that suspends must ask for two kinds of evidence, or for proof
(`kinds_any: [certain]`), or say `allow_single_kind: true`. Changes are taken up while keywatch runs.
`keywatch config check` reads it; `keywatch replay --policy` shows [what it would do](../backtest.md).

This page is made from the code by `python -m monitor.reference`.

The shipped policy:
"""
PLACES: Final[dict[type[msgspec.Struct], tuple[str, str]]] = {
    Rule: ("rules", "An ordered list."),
    When: ("when", "The conditions of a rule, all of which must hold; also those of `inhibit`."),
    Budget: ("budget", "Automatic suspensions within an hour: the smaller of the two counts, at least one."),
    GroupRules: ("group", "What makes one incident of several keys."),
    InhibitRule: ("inhibit", "A list: while a greater finding is open, lesser ones are not told."),
    RemindRules: ("remind", "When nobody acts."),
    ReviewRules: ("review", "Who decides, and how long things last."),
}
WORDS: Final[Words] = {
    Policy: {
        "version": "Version of the file's form.",
        "rules": "See below.",
        "suspend": "`dry-run` says what would have been suspended; `off` makes alerts of it.",
        "alert_budget": "How many alerts honest keys may cost; lower is quieter.",
        "suspension_hours": "A suspension ends by itself after so long.",
        "protected_keys": "Ids or globs of keys that are never suspended automatically.",
        "min_baseline_events": "A key whose baseline knows fewer requests is suspended for proof only.",
        "refire_minutes": "No second message for a key within this time, unless it gets worse.",
        "inhibit": "See below.",
    },
    Rule: {
        "name": "Shown in cases and messages.",
        "then": "What to do.",
        "allow_single_kind": "Let a suspension rest on one kind of evidence.",
    },
    When: {
        "within_budget": "So rare that the alert budget has room for its like; proof always is.",
        "risk_at_least": "Risk, 0 to 1.",
        "kinds_at_least": f"So many kinds of evidence weigh at least {COUNTED_BITS:g} bits each.",
        "kinds_any": "One of these kinds does.",
        "detector_any": "The finding is of one of these [detectors](detectors.md).",
        "key": "Glob of the key id.",
        "tenant": "Glob of the tenant.",
    },
    Budget: {
        "per_hour": "So many suspensions.",
        "share_of_active_keys": "Such a share of the keys in use.",
    },
    GroupRules: {
        "by": "Beside the key itself: one network, one tenant with one kind of finding.",
        "minutes": "How long after its last finding an incident takes in other keys.",
    },
    InhibitRule: {
        "name": "Shown where a message was held back.",
        "source": "The greater finding, as `when`.",
        "target": "The lesser finding, as `when`.",
        "equal": "What the two must have in common.",
        "minutes": "How long the greater one counts.",
    },
    RemindRules: {
        "after_minutes": "Minutes after the first message; the last one escalates.",
        "severity": "This loud or louder.",
    },
    ReviewRules: {
        "may_decide": "Slack user (`U...`) and user group (`S...`) ids that may press; empty is nobody.",
        "may_look": "... that may ask with `/keywatch`; who may decide may look.",
        "two_person": "Verdicts that need two people.",
        "allowance_days": "How long a false positive lets the same pass.",
        "case_days": "A case that suspended nothing expires after so long.",
        "silence_max_days": "The longest silence.",
    },
}


def page() -> str:
    """The whole page."""
    shipped = (files("alerting") / "default_policy.yaml").read_text()
    lines = [INTRO, f"```yaml\n{shipped}```", "", "## At the top", "", HEAD, *rows(Policy, WORDS), ""]
    for struct, (name, about) in PLACES.items():
        lines += [f"## {name}", "", about, "", HEAD, *rows(struct, WORDS), ""]
    return "\n".join(lines)
