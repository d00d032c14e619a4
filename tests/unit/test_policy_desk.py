"""A policy that is tried before it is taken up."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerting.cases import MemoryCaseStore
from alerting.policy import Policy, load_policy, policy_text
from alerting.policy_problems import problems_of
from domain.decision import Action
from domain.errors import Fatal, Rejected
from domain.overview import PolicyChange
from monitor.policy_desk import FilePolicyDesk
from tests.alerts import case, finding
from tests.office import finding_id

HEAD = "version: 1\nsuspend: on\nbudget: {per_hour: 1000, share_of_active_keys: 1.0}\nrules:\n"
SUSPENDS = HEAD + "  - {name: stolen, when: {risk_at_least: 0.9}, then: suspend, allow_single_kind: true}\n"
ALERTS = HEAD + "  - {name: stolen, when: {risk_at_least: 0.9}, then: alert}\n"

BROKEN = """\
version: 2
suspend: maybe
nonsense: 1
alert_budget: lots
rules:
  - {name: one, then: suspend}
  - name: two
    then: shoot
    when: {kinds_any: [orign], risk_at_least: high, foo: 1}
  - {then: alert}
group: {by: [moon]}
budget: 5
"""


def test_the_shipped_policy_has_no_problems() -> None:
    assert problems_of(policy_text(None)) == []


def test_every_problem_is_told_with_its_line_and_what_to_do() -> None:
    found = problems_of(BROKEN)
    assert [problem.split(":")[0] for problem in found] == [
        f"line {number}" for number in (1, 2, 3, 8, 9, 9, 9, 10, 11, 12, 4, 6)
    ]
    told = "\n".join(found)
    for words in (
        "write dry-run, off or on",
        "write observe, alert or suspend",
        "known here: within_budget",
        "unknown field `nonsense`",
        "missing required field `name`",
        "'5/day/1000 keys'",
        "add `kinds_at_least: 2`",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "version: 1"),
        ("- 1", "version: 1"),
        ("version: 1", "`rules`"),
        ("rules: [", "line 1: not YAML"),
        ("version: 1\nrules: [1]", "line 2: rules: Expected `object`"),
        ("1: 2\nversion: 1\nrules: []", "Expected `str`"),
        ("a: \x00", "not YAML"),
        ("[" * 5_000, "nested"),
    ],
)
def test_a_text_that_is_no_policy_is_told_so(text: str, words: str) -> None:
    (problem,) = problems_of(text)
    assert words in problem


def test_what_the_loader_refuses_has_a_problem_and_nothing_else_has(tmp_path: Path) -> None:
    texts = [BROKEN, SUSPENDS, ALERTS, policy_text(None)]
    texts += ["\n".join(line for j, line in enumerate(BROKEN.splitlines()) if j != i) for i in range(12)]
    for text in texts:
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        try:
            load_policy(path)
        except Fatal:
            assert problems_of(text) != []
        else:
            assert problems_of(text) == []


# -- the desk ----------------------------------------------------------------------------------------


def cases() -> MemoryCaseStore:
    store = MemoryCaseStore()
    for number in range(6):
        risk = 0.95 if number < 4 else 0.5
        found = finding(id=finding_id(str(number)), key_id=f"key_{number}", risk=risk)
        store.put(case(found, f"case_{number}"))
    return store


def desk(tmp_path: Path, text: str) -> FilePolicyDesk:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return FilePolicyDesk(path, cases(), lambda: 1000)


def test_the_text_in_use_is_that_of_the_file(tmp_path: Path) -> None:
    assert desk(tmp_path, ALERTS).current() == ALERTS
    assert FilePolicyDesk(None, cases(), lambda: 1).current() == policy_text(None)


def test_a_changed_file_is_read_again_and_a_broken_one_is_not_used(tmp_path: Path) -> None:
    adopted: list[Policy] = []
    desk(tmp_path, ALERTS)
    found = FilePolicyDesk(tmp_path / "policy.yaml", cases(), lambda: 1000, adopted.append)
    assert found.policy().rules[0].then is Action.ALERT
    (tmp_path / "policy.yaml").write_text("version: 1")
    assert found.policy().rules[0].then is Action.ALERT
    (tmp_path / "policy.yaml").write_text(SUSPENDS)
    assert found.policy().rules[0].then is Action.SUSPEND
    assert found.policy() is adopted[0]
    assert len(adopted) == 1


def test_a_policy_is_compared_on_the_newest_cases(tmp_path: Path) -> None:
    found = desk(tmp_path, ALERTS)
    assert found.compare(ALERTS).changes == []
    difference = found.compare(SUSPENDS)
    assert difference.looked_at == 6
    assert list(difference.changes) == [
        PolicyChange(f"case_{n}", f"key_{n}", Action.ALERT, Action.SUSPEND, "stolen", "stolen")
        for n in (3, 2, 1, 0)
    ]
    assert found.compare(SUSPENDS, cases=3).looked_at == 3
    assert [change.case_id for change in found.compare(SUSPENDS, cases=3).changes] == ["case_3"]


def test_guards_and_dry_runs_count(tmp_path: Path) -> None:
    found = desk(tmp_path, SUSPENDS)
    protected = found.compare(SUSPENDS + 'protected_keys: ["key_1"]\n')
    assert [(c.case_id, c.after) for c in protected.changes] == [("case_1", Action.ALERT)]
    budget = found.compare(SUSPENDS.replace("per_hour: 1000", "per_hour: 3"))
    assert len(budget.changes) == 1
    dry = found.compare(SUSPENDS.replace("suspend: on", "suspend: dry-run"))
    assert [(c.after, c.rule_after) for c in dry.changes] == 4 * [(Action.SUSPEND, "stolen (dry run)")]


def test_a_policy_with_problems_is_not_compared(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="line 3"):
        desk(tmp_path, ALERTS).compare(BROKEN)
