"""The controls of the key audit, on keys made for each."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from domain.ports import KeyState
from keystore.audit.audit import audit
from keystore.audit.controls import DAY_MS, AuditSettings, Control, Moment, Status
from keystore.audit.facts import KeyFacts, LeakedSecret, Observed
from keystore.audit.page import html_page
from keystore.audit.report import AuditReport, NamedKey, decode, encode
from keystore.audit.table import print_table
from keystore.audit.tally import Worst

NOW_MS = 1_767_225_600_000
MOMENT = Moment(NOW_MS, AuditSettings())
GOOD = KeyFacts(
    key_id="key_good",
    state=KeyState.ACTIVE,
    created_ms=NOW_MS - 10 * DAY_MS,
    tenant="acme",
    owner="ops@acme.example",
    expires_ms=NOW_MS + 355 * DAY_MS,
    used_ms=NOW_MS - DAY_MS,
)
SEEN = Observed(networks=2, last_seen_ms=NOW_MS, requests_a_day=100.0)


class Seen:
    """Observed by key id, for tests."""

    def __init__(
        self, usage: dict[str, Observed], leaked: Sequence[LeakedSecret] = (), watching: bool = True
    ) -> None:
        self.by_id, self.secrets, self.any = usage, leaked, watching

    def watching(self) -> bool:
        return self.any

    def observed(self, key_ids: Sequence[str]) -> list[Observed | None]:
        return [self.by_id.get(key_id) for key_id in key_ids]

    def leaked(self) -> Sequence[LeakedSecret]:
        return self.secrets


class Waiting:
    """Cases without a verdict, by id."""

    def __init__(self, **opened_ms: int) -> None:
        self.opened_ms = opened_ms

    def waiting_since_ms(self, case_id: str) -> int | None:
        return self.opened_ms.get(case_id)


def audited(*keys: KeyFacts, usage: dict[str, Observed] | None = None, **waiting: int) -> AuditReport:
    return audit([keys], MOMENT, Seen(usage or {}), Waiting(**waiting))


def named(report: AuditReport) -> dict[str, list[str]]:
    """What every control that names keys says of them."""
    return {r.control.value: [key.says for key in r.keys] for r in report.controls if r.keys}


def days(number: float) -> int:
    return int(number * DAY_MS)


# -- controls ----------------------------------------------------------------------------------------


def test_a_good_key_is_named_by_no_control() -> None:
    report = audited(GOOD, usage={GOOD.key_id: SEEN})
    assert named(report) == {}
    assert report.status is Status.OK
    assert {result.status for result in report.controls} == {Status.OK}
    assert [result.control for result in report.controls] == list(Control)


@pytest.mark.parametrize(
    ("key", "control", "says"),
    [
        (replace(GOOD, created_ms=NOW_MS - days(91)), "old", "91 days old"),
        (replace(GOOD, used_ms=NOW_MS - days(31)), "unused", "unused for 31 days"),
        (
            replace(GOOD, created_ms=NOW_MS - days(40), used_ms=None),
            "unused",
            "never used in 40 days",
        ),
        (replace(GOOD, wildcard="* /**"), "wildcard_scope", "scope * /**"),
        (replace(GOOD, expires_ms=None), "no_expiry", "never expires"),
        (replace(GOOD, expires_ms=NOW_MS + days(29.5)), "expiring", "29 days left"),
        (replace(GOOD, expires_ms=NOW_MS + 1), "expiring", "0 days left"),
        (replace(GOOD, old_pepper=True), "old_pepper", "under an old pepper"),
        (replace(GOOD, weak=True), "weak_secret", "imported, can be guessed"),
    ],
)
def test_a_control_names_the_key_and_says_why(key: KeyFacts, control: str, says: str) -> None:
    assert named(audited(key)) == {control: [says]}


@pytest.mark.parametrize(
    "key",
    [
        replace(GOOD, created_ms=NOW_MS - days(90.9)),
        replace(GOOD, used_ms=NOW_MS - days(30.9)),
        replace(GOOD, used_ms=None),
        replace(GOOD, expires_ms=NOW_MS + days(30)),
    ],
)
def test_the_line_itself_is_still_good(key: KeyFacts) -> None:
    assert named(audited(key)) == {}


def test_a_key_on_more_than_ten_networks_is_shared() -> None:
    usage = {"ten": replace(SEEN, networks=10), "eleven": replace(SEEN, networks=11)}
    report = audited(replace(GOOD, key_id="ten"), replace(GOOD, key_id="eleven"), usage=usage)
    (key,) = report.result(Control.MANY_NETWORKS).keys
    assert (key.key_id, key.says) == ("eleven", "11 networks")
    assert report.status is Status.FAILED


def test_use_that_only_the_baseline_saw_is_use() -> None:
    key = replace(GOOD, ours=False, used_ms=None, created_ms=NOW_MS - days(80), expires_ms=None)
    assert named(audited(key, usage={key.key_id: SEEN})) == {}
    assert "unused" in named(audited(key))


def test_a_suspension_waits_for_a_verdict_only_while_its_case_is_open() -> None:
    held = replace(GOOD, state=KeyState.SUSPENDED, case_id="case_1")
    assert named(audited(held, case_1=NOW_MS - days(2.5))) == {"unreviewed": ["waits 60 hours"]}
    assert named(audited(held, case_1=NOW_MS - days(0.5))) == {}
    assert named(audited(held, case_2=NOW_MS - days(9))) == {}
    assert named(audited(replace(held, case_id=""))) == {}


@pytest.mark.parametrize("state", [KeyState.REVOKED, KeyState.EXPIRED])
def test_a_key_that_is_over_is_counted_and_held_to_nothing(state: KeyState) -> None:
    over = replace(GOOD, state=state, created_ms=0, used_ms=None, wildcard="*", expires_ms=None, weak=True)
    report = audited(over)
    assert named(report) == {}
    assert (report.keys, report.states) == (1, {state.value: 1})


def test_a_rotated_key_in_its_grace_is_held_to_what_it_may_do_and_not_to_its_age() -> None:
    rotated = replace(
        GOOD,
        state=KeyState.RETIRING,
        created_ms=0,
        expires_ms=None,
        old_pepper=True,
        weak=True,
        wildcard="*:/**",
    )
    assert named(audited(rotated)) == {"wildcard_scope": ["scope *:/**"]}
    assert "expiring" not in named(audited(replace(rotated, expires_ms=NOW_MS + 1)))


def test_a_key_of_another_store_is_not_blamed_for_what_is_decided_there() -> None:
    other = replace(GOOD, ours=False, expires_ms=None, wildcard="*", old_pepper=True)
    assert named(audited(other)) == {}
    assert audited(other).external == 1


@pytest.mark.parametrize("usage", [None, Seen({}, watching=False)])
def test_what_nobody_can_tell_is_unknown_and_not_ok(usage: Seen | None) -> None:
    report = audit([[replace(GOOD, ours=False, created_ms=0, expires_ms=None)]], MOMENT, usage)
    unknown = {r.control for r in report.controls if r.status is Status.UNKNOWN}
    assert unknown == {Control.MANY_NETWORKS, Control.UNREVIEWED, Control.LEAKED}
    assert report.result(Control.UNUSED).checked == 0
    assert (report.leaks, report.daily_requests) == (None, None)


def test_leaked_secrets_of_the_last_month_fail_the_audit() -> None:
    leaked = [
        LeakedSecret("leaked_new", 3, NOW_MS - days(2)),
        LeakedSecret("leaked_just_now", 1, None),
        LeakedSecret("leaked_old", 5, NOW_MS - days(40)),
    ]
    report = audit([], MOMENT, Seen({}, leaked))
    assert report.leaks is not None
    assert (report.leaks.secrets, report.leaks.recent, report.leaks.requests) == (3, 2, 9)
    result = report.result(Control.LEAKED)
    assert (result.status, [key.key_id for key in result.keys]) == (
        Status.FAILED,
        ["leaked_just_now", "leaked_new"],
    )


def test_figures_add_up_over_pages() -> None:
    pages = [[replace(GOOD, key_id=f"{page}-{n}", verifications=n) for n in range(3)] for page in range(4)]
    told: list[int] = []
    usage = Seen({f"{page}-0": SEEN for page in range(4)})
    report = audit(pages, MOMENT, usage, progress=told.append)
    assert (report.keys, report.daily_requests, report.daily_verifications) == (12, 400.0, 12)
    assert told == [3, 3, 3, 3]


def test_all_are_counted_and_the_worst_are_kept() -> None:
    keys = [replace(GOOD, key_id=f"k{age}", created_ms=NOW_MS - days(age)) for age in range(80, 120)]
    report = audit([keys], MOMENT, named=3)
    old = report.result(Control.OLD)
    assert (old.checked, old.found, [key.key_id for key in old.keys]) == (40, 29, ["k119", "k118", "k117"])
    ending = [replace(GOOD, key_id=f"k{left}", expires_ms=NOW_MS + days(left)) for left in range(20)]
    assert [k.value for k in audit([ending], MOMENT, named=2).result(Control.EXPIRING).keys] == [0, 1]
    assert audit([keys], MOMENT, named=0).result(Control.OLD).keys == []


@given(st.lists(st.tuples(st.integers(-5, 5), st.text("ab", min_size=1, max_size=3)), unique=True), st.data())
def test_the_worst_do_not_depend_on_the_order_they_come_in(
    entries: list[tuple[int, str]], data: st.DataObject
) -> None:
    def kept(order: list[tuple[int, str]]) -> list[tuple[int, str]]:
        worst = Worst(4)
        for rank, key_id in order:
            worst.add(rank, NamedKey(key_id=key_id, tenant="", owner="", value=rank, says=""))
        return [(key.value, key.key_id) for key in worst.keys()]  # noqa: SIM118

    assert kept(data.draw(st.permutations(entries))) == sorted(entries, reverse=True)[:4]


# -- what people see ---------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\"'&[red]x[/red]"


@pytest.fixture
def hostile() -> AuditReport:
    key = replace(GOOD, key_id=HOSTILE, tenant=HOSTILE, owner=HOSTILE, wildcard=HOSTILE, created_ms=0)
    return audited(key, usage={HOSTILE: replace(SEEN, networks=99)})


class Tags(HTMLParser):
    """Elements, what they load, and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [name for name, _ in attrs if name in ("src", "href", "action", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_stands_alone_and_shows_hostile_text_as_text(hostile: AuditReport) -> None:
    page = Tags()
    page.feed(html_page(hostile))
    assert page.loads == []
    assert not page.tags & {"script", "link", "img", "iframe", "base", "form"}
    assert page.text.count(HOSTILE) > 3
    assert f"scope {HOSTILE}" in page.text


def test_the_table_shows_hostile_text_as_text(hostile: AuditReport) -> None:
    out = Console(file=io.StringIO(), width=300)
    print_table(hostile, out)
    shown = out.file.getvalue()  # type: ignore[attr-defined]
    assert f"scope {HOSTILE}" in shown
    assert "99 networks" in shown
    assert "failed" in shown


def test_the_report_survives_its_json(hostile: AuditReport) -> None:
    assert decode(encode(hostile)) == hostile
    assert json.loads(encode(hostile))["controls"][0]["control"] == "leaked"
