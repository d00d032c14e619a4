"""What the alert side keeps: one suite for the doubles and for every kind of Redis."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from alerting.delivery.agenda import Agenda
from alerting.notifiers.pace import PATIENCE_MS, MemoryPace, Pace, RedisPace
from alerting.slack_desk.entry import MemoryReplays, RedisReplays
from alerting.slack_desk.tokens import Bound, MemoryTokenStore, RedisTokenStore
from domain.allowance import Allowance
from domain.case import Case, CaseState, Verdict
from domain.clock import ManualClock
from domain.errors import KeywatchError, Reason, Rejected
from domain.finding import Kind
from domain.ports import CaseQuery, Score
from domain.silence import Silence
from monitor.connect import connect_redis
from tests.alerts import NOW_MS, case, finding
from tests.office import Stores
from tests.servers import REDIS_KINDS

KINDS = ("memory", *REDIS_KINDS)


@pytest.fixture(params=KINDS)
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    clock = ManualClock(NOW_MS / 1000)
    if request.param == "memory":
        yield Stores(clock)
        return
    empty_store: Callable[[str], str] = request.getfixturevalue("empty_store")
    client = connect_redis(empty_store(request.param))
    yield Stores(clock, client)
    client.close()


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises(KeywatchError) as caught:
        call()
    return caught.value.reason


def opened(number: int, **different: object) -> Case:
    """The ``number``-th case, opened that many milliseconds later, of a key of its own."""
    usual = case(finding(key_id=f"key_{number}"), f"case_{number:03}")
    return replace(usual, opened_ms=NOW_MS + number, **different)


# -- cases -------------------------------------------------------------------------------------------


def test_a_case_reads_back_and_only_its_next_version_is_written(stores: Stores) -> None:
    first = opened(1)
    stores.cases.put(first)
    stores.cases.put(first)  # a repeated call
    assert stores.cases.get(first.id) == first
    second = replace(first, version=2, risk=0.5)
    stores.cases.put(second)
    assert reason_of(lambda: stores.cases.put(replace(first, version=2, risk=0.6))) is Reason.CONFLICT
    assert stores.cases.get(first.id) == second
    assert reason_of(lambda: stores.cases.get("case_none")) is Reason.NOT_FOUND


def test_a_key_has_one_open_case(stores: Stores) -> None:
    first = opened(1)
    stores.cases.put(first)
    other = replace(opened(2), key_id=first.key_id)
    assert reason_of(lambda: stores.cases.put(other)) is Reason.CONFLICT
    stores.cases.put(replace(first, version=2, state=CaseState.CONFIRMED))
    assert stores.cases.open_for_key(first.key_id) is None
    stores.cases.put(other)
    found = stores.cases.open_for_key(first.key_id)
    assert found is not None
    assert found.id == other.id


def test_pages_hold_every_case_once_newest_first(stores: Stores) -> None:
    for number in range(25):
        stores.cases.put(opened(number % 5, id=f"case_{number:03}", key_id=f"key_{number}"))
    seen: list[str] = []
    cursor = ""
    while True:
        page = stores.cases.page(CaseQuery(cursor=cursor, limit=4))
        seen += [found.id for found in page.cases]
        cursor = page.cursor
        if not cursor:
            break
    assert len(seen) == 25
    assert seen == sorted(seen, key=lambda case_id: (int(case_id[5:]) % 5, case_id), reverse=True)


def test_pages_are_narrowed_by_state_key_and_tenant(stores: Stores) -> None:
    for number in range(6):
        stores.cases.put(opened(number, tenant="acme" if number % 2 else "beta"))
    stores.cases.put(replace(stores.cases.get("case_003"), version=2, state=CaseState.EXPIRED))

    def ids(**query: object) -> list[str]:
        return [found.id for found in stores.cases.page(CaseQuery(**query)).cases]  # type: ignore[arg-type]

    assert ids(tenant="acme") == ["case_005", "case_003", "case_001"]
    assert ids(tenant="acme", state=CaseState.OPEN) == ["case_005", "case_001"]
    assert ids(key_id="key_4") == ["case_004"]
    assert ids(key_id="key_4", tenant="acme") == []
    assert ids(state=CaseState.EXPIRED) == ["case_003"]
    assert stores.cases.counts()[CaseState.OPEN] == 5
    assert stores.cases.counts()[CaseState.EXPIRED] == 1


def test_a_cursor_that_no_page_gave_is_rejected(stores: Stores) -> None:
    with pytest.raises(Rejected):
        stores.cases.page(CaseQuery(cursor="nonsense"))


def test_due_cases_are_those_open_and_past_their_end(stores: Stores) -> None:
    stores.cases.put(opened(1, expires_ms=NOW_MS + 20))
    stores.cases.put(opened(2, expires_ms=NOW_MS + 10))
    stores.cases.put(opened(3, expires_ms=None))
    assert [found.id for found in stores.cases.due(NOW_MS + 20)] == ["case_002", "case_001"]
    assert [found.id for found in stores.cases.due(NOW_MS + 19)] == ["case_002"]
    stores.cases.put(replace(stores.cases.get("case_002"), version=2, state=CaseState.CONFIRMED))
    assert [found.id for found in stores.cases.due(NOW_MS + 20)] == ["case_001"]


def test_allowances_are_found_while_they_run(stores: Stores) -> None:
    allowance = Allowance(key_id="key_1", kind=Kind.ORIGIN, until_ms=NOW_MS + 50)
    stores.cases.put(opened(1, state=CaseState.REINSTATED, allowances=[allowance]))
    assert [found.id for found in stores.cases.allowing(NOW_MS + 49)] == ["case_001"]
    assert stores.cases.allowing(NOW_MS + 50) == []


def test_closed_cases_go_after_their_time_and_their_verdicts_count(stores: Stores) -> None:
    closed_ms = NOW_MS + 1_000
    for number in range(250):
        first = opened(number, id=f"case_{number:03}", key_id=f"key_{number}")
        stores.cases.put(first)
        if number not in (3, 150):
            late = closed_ms + (number == 200)
            closed = {"state": CaseState.CONFIRMED, "verdict": Verdict.CONFIRM, "closed_ms": late}
            stores.cases.put(replace(first, version=2, **closed))
    assert stores.cases.prune(closed_ms, closed_ms) == 0
    assert stores.cases.prune(closed_ms + 1, closed_ms, steps=1) in (99, 100)
    stores.cases.prune(closed_ms + 1, closed_ms)
    left = ["case_200", "case_150", "case_003"]
    assert [case.id for case in stores.cases.list(limit=100)] == left
    assert [case.id for case in stores.cases.list(CaseState.CONFIRMED)] == left[:1]
    for query in (CaseQuery(key_id="key_7"), CaseQuery(key_id="key_7", state=CaseState.CONFIRMED)):
        assert stores.cases.page(query).cases == []
    assert stores.cases.counts()[CaseState.CONFIRMED] == 1
    assert len(stores.cases.due(NOW_MS + 10 * 86_400_000)) == 2
    assert reason_of(lambda: stores.cases.get("case_007")) is Reason.NOT_FOUND
    assert stores.cases.precision("key_7") == {"geo_shift": Score(confirmed=1)}
    assert stores.cases.precision()["geo_shift"].confirmed == 248


def test_a_case_that_still_lets_something_pass_stays(stores: Stores) -> None:
    allowance = Allowance(key_id="key_1", kind=Kind.ORIGIN, until_ms=NOW_MS + 50)
    stores.cases.put(opened(1, state=CaseState.REINSTATED, allowances=[allowance], closed_ms=NOW_MS))
    assert stores.cases.prune(NOW_MS + 49, NOW_MS + 49) == 0
    assert stores.cases.prune(NOW_MS + 50, NOW_MS + 50) == 1
    assert stores.cases.allowing(NOW_MS) == []


def test_a_verdict_counts_once_for_each_detector_of_the_case(stores: Stores) -> None:
    closed = opened(1, findings=[finding(detector="volume"), finding(id="f2"), finding(id="f3")])
    stores.cases.put(closed)
    judged = replace(closed, version=2, state=CaseState.CONFIRMED, verdict=Verdict.CONFIRM)
    stores.cases.put(judged)
    stores.cases.put(judged)
    stores.cases.put(replace(judged, version=3, risk=0.1))
    stores.cases.put(opened(2, state=CaseState.REINSTATED, verdict=Verdict.FALSE_POSITIVE))
    assert stores.cases.precision() == {
        "volume": Score(confirmed=1),
        "geo_shift": Score(confirmed=1, false_positive=1),
    }
    assert stores.cases.precision("key_2") == {"geo_shift": Score(false_positive=1)}
    assert stores.cases.precision("key_3") == {}


# -- silences ----------------------------------------------------------------------------------------


def silence(number: int, **different: object) -> Silence:
    usual = Silence(
        id=f"sil_{number}", who="ada", why="test", created_ms=NOW_MS + number, until_ms=NOW_MS + 1000
    )
    return replace(usual, **different)


def test_silences_run_between_their_times_and_keep_versions(stores: Stores) -> None:
    stores.silences.put(silence(1))
    stores.silences.put(silence(2, until_ms=NOW_MS + 500))
    assert {found.id for found in stores.silences.active(NOW_MS + 10)} == {"sil_1", "sil_2"}
    assert [found.id for found in stores.silences.active(NOW_MS + 500)] == ["sil_1"]
    stores.silences.put(silence(1, version=2, until_ms=NOW_MS + 20))
    assert reason_of(lambda: stores.silences.put(silence(1, version=2))) is Reason.CONFLICT
    assert stores.silences.active(NOW_MS + 500) == []
    assert reason_of(lambda: stores.silences.get("sil_9")) is Reason.NOT_FOUND


def test_silences_are_paged_newest_first(stores: Stores) -> None:
    for number in range(5):
        stores.silences.put(silence(number))
    first = stores.silences.page(limit=3)
    second = stores.silences.page(first.cursor, limit=3)
    assert [s.id for s in (*first.silences, *second.silences)] == [f"sil_{n}" for n in range(4, -1, -1)]
    assert second.cursor == ""


# -- the agenda --------------------------------------------------------------------------------------


def test_an_item_is_taken_once_until_its_lease_ends(stores: Stores) -> None:
    agenda: Agenda = stores.work
    agenda.put("a", 100, 50)
    assert agenda.take(99, 1000) is None
    first = agenda.take(100, 1000)
    assert first is not None
    assert (first.item, first.tries, first.since_ms) == ("a", 1, 50)
    assert agenda.take(1099, 1000) is None
    second = agenda.take(1100, 1000)
    assert second is not None
    assert second.token > first.token
    assert not agenda.done(first)  # its claim ran out
    assert agenda.done(second)
    assert agenda.take(10_000, 1000) is None


def test_what_is_put_while_it_is_worked_on_is_done_again(stores: Stores) -> None:
    agenda: Agenda = stores.work
    agenda.put("a", 100, 100)
    task = agenda.take(100, 1000)
    assert task is not None
    agenda.put("a", 300, 200)
    assert agenda.take(250, 1000) is None
    assert agenda.done(task)
    assert agenda.take(299, 1000) is None
    again = agenda.take(300, 1000)
    assert again is not None
    assert agenda.done(again)
    assert agenda.take(9999, 1000) is None


def test_the_earlier_time_wins_and_what_failed_comes_again(stores: Stores) -> None:
    agenda: Agenda = stores.work
    agenda.put("a", 500, 0)
    agenda.put("a", 200, 0)
    agenda.put("a", 900, 0)
    task = agenda.take(200, 1000)
    assert task is not None
    assert agenda.again(task, 5_000)
    assert agenda.take(4_999, 1000) is None
    retry = agenda.take(5_000, 1000)
    assert retry is not None
    assert retry.tries == 2
    assert agenda.again(retry, 5_001, failed=False)
    third = agenda.take(5_001, 1000)
    assert third is not None
    assert third.tries == 2


def test_a_cancelled_item_is_not_done(stores: Stores) -> None:
    agenda: Agenda = stores.later
    agenda.put("a", 100, 0)
    agenda.cancel("a")
    assert agenda.take(1000, 1000) is None
    assert agenda.backlog(1000).waiting == 0


def test_the_backlog_is_what_is_due_or_has_failed(stores: Stores) -> None:
    agenda: Agenda = stores.work
    agenda.put("later", 10_000, 10)
    assert agenda.backlog(100).oldest_ms is None
    agenda.put("due", 60, 20)
    backlog = agenda.backlog(100)
    assert (backlog.waiting, backlog.oldest_ms) == (1, 20)
    task = agenda.take(100, 1000)
    assert task is not None
    agenda.again(task, 50_000)
    assert (agenda.backlog(200).waiting, agenda.backlog(200).oldest_ms) == (0, 20)


# -- the message book --------------------------------------------------------------------------------


def test_one_worker_has_a_message_and_a_lost_claim_writes_nothing(stores: Stores) -> None:
    book = stores.book
    first = book.claim("m", 0, 1000)
    assert first is not None
    assert book.claim("m", 999, 1000) is None
    second = book.claim("m", 1000, 1000)
    assert second is not None

    assert not book.write("m", dataclasses.replace(first, ts="1.0"))
    assert book.write("m", dataclasses.replace(second, channel="C1", ts="2.0", detailed="a b", told_ms=7))
    book.release("m", first)
    assert book.claim("m", 1500, 1000) is None
    book.release("m", second)
    third = book.claim("m", 1500, 1000)
    assert third is not None
    assert (third.channel, third.ts, third.detailed, third.told_ms) == ("C1", "2.0", "a b", 7)


# -- small ones --------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def client(request: pytest.FixtureRequest) -> Iterator[object]:
    if request.param == "memory":
        yield None
        return
    connection = connect_redis(request.getfixturevalue("redis_url"))
    yield connection
    connection.close()


def test_turns_are_a_second_apart_and_a_far_one_is_not_taken(client: object) -> None:
    pace: Pace = RedisPace(client) if client else MemoryPace()
    assert [pace.reserve("c", 0) for _ in range(7)] == [0, 1000, 2000, 3000, 4000, 5000, 6000]
    assert pace.reserve("c", 0) == 6000
    assert pace.reserve("other", 0) == 0
    pace.hold("other", 30_000)
    assert pace.reserve("other", 0) > PATIENCE_MS


def test_a_token_is_spent_once(client: object) -> None:
    tokens = RedisTokenStore(client) if client else MemoryTokenStore()
    bound = Bound(incident_id="inc_1", case_id="case_1", stamp="s")
    token = tokens.issue(bound, 60_000)
    assert tokens.look(token) == tokens.look(token) == bound
    assert tokens.spend(token) == bound
    assert tokens.spend(token) is None
    assert tokens.look("\udcff nonsense") is None


def test_a_request_is_fresh_once(client: object) -> None:
    replays = RedisReplays(client) if client else MemoryReplays()
    assert [replays.fresh("a"), replays.fresh("a"), replays.fresh("b")] == [True, False, True]
