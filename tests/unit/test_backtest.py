"""Two policies over the same findings, through the stages of the real alert pipeline."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from alerting.policy import Policy
from domain.finding import Finding
from monitor.backtest import PolicyOutcome, compare, simulate
from monitor.backtest_report import html_page
from tests.alerts import NOW_MS
from tests.alerts import finding as sample

RULES = [
    {"name": "stolen", "when": {"risk_at_least": 0.95, "kinds_at_least": 2}, "then": "suspend"},
    {"name": "odd", "when": {"risk_at_least": 0.5}, "then": "alert"},
]
KEYS = np.zeros(1_000, np.int64)
"""A thousand keys in use since long ago."""
MINUTE = 60_000
DAY = 1440


def policy(**different: Any) -> Policy:
    tree = {"version": 1, "suspend": "on", "rules": RULES, **different}
    if "budget" not in different:
        tree["budget"] = {"per_hour": 20, "share_of_active_keys": 1.0}
    return msgspec.convert(tree, Policy)


def finding(key_id: str = "key_1", minute: int = 0, two_kinds: bool = True, **different: Any) -> Finding:
    made = sample(key_id=key_id)
    kinds = {"origin": 24.0, "volume": 24.0} if two_kinds else {"origin": 24.0}
    ts_ms = NOW_MS + minute * MINUTE
    name = f"{key_id}-{minute}".ljust(32, "0")
    return msgspec.structs.replace(made, id=name, ts_ms=ts_ms, contributions=kinds, **different)


def run(rules: Policy, *findings: Finding, keys: Any = KEYS) -> PolicyOutcome:
    return simulate(rules, "p.yaml", findings, keys, len(findings))


def test_a_protected_key_is_alerted_and_not_suspended() -> None:
    found = run(policy(protected_keys=["key_1"]), finding("key_1"), finding("key_2", 1))
    assert [(k.key_id, k.action) for k in found.keys] == [("key_1", "alert"), ("key_2", "suspend")]
    assert found.keys[0].held_back == "the key is protected"
    assert (found.suspended, found.held_back) == (1, 1)


def test_a_cold_baseline_is_not_suspended() -> None:
    found = run(policy(min_baseline_events=200), finding(baseline_events=199))
    assert found.keys[0].action == "alert"
    assert "199" in found.keys[0].held_back


def test_the_hourly_budget_opens_and_refills_with_event_time() -> None:
    rules = policy(budget={"per_hour": 1, "share_of_active_keys": 1.0})
    found = run(rules, finding("key_1", 0), finding("key_2", 30), finding("key_3", 61))
    assert [k.action for k in found.keys] == ["suspend", "alert", "suspend"]


def test_the_share_counts_keys_in_use_at_that_time() -> None:
    rules = policy(budget={"per_hour": 20, "share_of_active_keys": 0.5})
    young = np.array([0, 0, 0, NOW_MS + 10 * MINUTE], np.int64)
    before = run(rules, finding("key_1", 0), finding("key_2", 5), keys=young)
    after = run(rules, finding("key_1", 0), finding("key_2", 15), keys=young)
    assert [k.action for k in before.keys] == ["suspend", "alert"]
    assert [k.action for k in after.keys] == ["suspend", "suspend"]


def test_messages_are_deduplicated_within_the_refire_time() -> None:
    often = [finding("key_1", minute, two_kinds=False) for minute in (0, 10, 59, 60, 130)]
    found = run(policy(refire_minutes=60), *often)
    (key,) = found.keys
    assert (key.findings, key.alerts, key.cases) == (5, 3, 1)


def test_a_suspension_that_ran_out_is_a_case_of_its_own() -> None:
    found = run(policy(suspension_hours=24), finding("key_1", 0), finding("key_1", DAY + 1))
    (key,) = found.keys
    assert (key.cases, key.alerts) == (2, 2)


def test_a_dry_run_suspends_nobody_and_says_whom_it_would() -> None:
    found = run(policy(suspend="dry-run"), finding())
    assert (found.suspended, found.would_suspend) == (0, 1)
    assert found.keys[0].action == "would suspend"


def test_the_order_of_arrival_does_not_matter() -> None:
    rules = policy(budget={"per_hour": 1, "share_of_active_keys": 1.0})
    findings = [finding("key_1", 0), finding("key_2", 30), finding("key_3", 61)]
    assert run(rules, *reversed(findings)) == run(rules, *findings)


@pytest.fixture
def stricter() -> Any:
    findings = [
        finding("key_both", 0),
        finding("key_new", 5, two_kinds=False, risk=0.3),
        finding("key_alike", 10, two_kinds=False),
        finding("key_old", 15, two_kinds=False, risk=0.6, tenant="<b>acme</b>"),
    ]
    new_rules = [
        {"name": "stolen", "when": {"risk_at_least": 0.99, "kinds_at_least": 2}, "then": "suspend"},
        {"name": "odd", "when": {"risk_at_least": 0.9}, "then": "alert"},
        {"name": "low", "when": {"risk_at_least": 0.2, "key": "key_new"}, "then": "alert"},
    ]
    old = simulate(policy(), "old.yaml", findings, KEYS, 4)
    new = simulate(policy(rules=new_rules), "new.yaml", findings, KEYS, 4)
    return compare(old, new, NOW_MS, None)


def test_the_difference_names_the_keys_of_each_and_what_differs(stricter: Any) -> None:
    assert [k.key_id for k in stricter.only_new] == ["key_new"]
    assert [k.key_id for k in stricter.only_old] == ["key_old"]
    (change,) = stricter.changed
    assert (change.key_id, change.old.action, change.new.action) == ("key_both", "suspend", "alert")
    assert change.what == ["action", "suspended_ms"]
    assert stricter.same == 1


def test_the_page_shows_both_and_lets_no_markup_through(stricter: Any) -> None:
    page = html_page(stricter)
    assert "Only with old.yaml" in page
    assert "key_both" in page
    assert "<b>acme" not in page
    assert "&lt;b&gt;acme" in page
