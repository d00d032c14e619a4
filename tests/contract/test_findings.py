"""Findings that are kept: one suite for the double and for every kind of Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from alerting.findings import STEP, MemoryFindingStore, RedisFindingStore
from alerting.found import DAY_MS, FindingCounts, FindingStore, Keep
from domain.decision import Action
from domain.errors import Rejected
from domain.overview import FindingQuery, FoundFinding
from monitor.connect import connect_redis
from tests.alerts import NOW_MS, finding
from tests.office import finding_id
from tests.servers import REDIS_KINDS

KEEP = Keep(count=20, days=2)


@pytest.fixture(params=("memory", *REDIS_KINDS))
def store(request: pytest.FixtureRequest) -> Iterator[FindingStore]:
    if request.param == "memory":
        yield MemoryFindingStore(KEEP)
        return
    empty_store: Callable[[str], str] = request.getfixturevalue("empty_store")
    client = connect_redis(empty_store(request.param))
    yield RedisFindingStore(client, KEEP)
    client.close()


def found(number: int, action: Action = Action.ALERT, after_ms: int = 0, **different: object) -> FoundFinding:
    """The ``number``-th finding; three share a millisecond."""
    usual: dict[str, object] = {"id": finding_id(str(number)), "ts_ms": NOW_MS + number // 3 + after_ms}
    case_id = "" if action is Action.OBSERVE else f"case_{number}"
    return FoundFinding(finding(**{**usual, **different}), action, case_id)  # type: ignore[arg-type]


def every(store: FindingStore, limit: int = 4, **query: str) -> list[FoundFinding]:
    out: list[FoundFinding] = []
    cursor = ""
    while True:
        page = store.page(FindingQuery(**query, cursor=cursor, limit=limit))
        out += page.findings
        cursor = page.cursor
        if not cursor:
            return out


def test_pages_hold_every_finding_once_newest_first(store: FindingStore) -> None:
    written = [found(number) for number in range(19)]
    for one in written:
        store.write(one, loud=False, now_ms=NOW_MS)
    seen = every(store)
    assert sorted(one.finding.id for one in seen) == sorted(one.finding.id for one in written)
    assert [one.finding.ts_ms for one in seen] == sorted((o.finding.ts_ms for o in written), reverse=True)
    assert {(one.action, one.case_id) for one in seen} == {(one.action, one.case_id) for one in written}


def test_the_same_finding_again_is_the_first_one(store: FindingStore) -> None:
    for loud in (True, True, False):
        store.write(found(1), loud=loud, now_ms=NOW_MS)
    store.write(found(1, Action.OBSERVE), loud=False, now_ms=NOW_MS)
    assert every(store) == [found(1)]
    assert store.counts(NOW_MS) == FindingCounts(findings=1, alerts=1, keys_alerted=1)


def test_pages_are_narrowed_by_key_tenant_and_detector(store: FindingStore) -> None:
    for number in range(12):
        detector = "volume" if number % 3 == 0 else "geo_shift"
        tenant = "acme" if number % 2 else "b{}"
        one = found(number, key_id=f"key_{number % 4}", tenant=tenant, detector=detector)
        store.write(one, loud=False, now_ms=NOW_MS)

    def numbers(**query: str) -> set[int]:
        ids = {finding_id(str(number)): number for number in range(12)}
        return {ids[one.finding.id] for one in every(store, 2, **query)}

    assert numbers(key_id="key_1") == {1, 5, 9}
    assert numbers(tenant="b{}") == {0, 2, 4, 6, 8, 10}
    assert numbers(detector="volume") == {0, 3, 6, 9}
    assert numbers(detector="volume", tenant="acme") == {3, 9}
    assert numbers(detector="volume", tenant="acme", key_id="key_3") == {3}
    assert numbers(key_id="key_1", tenant="b{}") == set()
    assert numbers(key_id="key") == set()


def test_a_cursor_that_no_page_gave_is_rejected(store: FindingStore) -> None:
    for cursor in ("nonsense", "-", "[", "1:a", "0000000000001: "):
        with pytest.raises(Rejected):
            store.page(FindingQuery(cursor=cursor))


def test_no_more_are_kept_than_the_bound_allows(store: FindingStore) -> None:
    total = KEEP.count + 3 * STEP
    for number in range(total):
        store.write(found(number, key_id=f"key_{number}"), loud=False, now_ms=NOW_MS)
    assert len(every(store, 50)) <= KEEP.count + STEP
    store.prune(NOW_MS)
    kept = every(store, 50)
    newest = [found(number, key_id=f"key_{number}") for number in range(total)]
    newest.sort(key=lambda one: (one.finding.ts_ms, one.finding.id), reverse=True)
    assert kept == newest[: KEEP.count]
    assert every(store, key_id="key_0") == []
    assert store.counts(NOW_MS).findings == total


def test_old_findings_go_and_only_those(store: FindingStore) -> None:
    store.write(found(1), loud=False, now_ms=NOW_MS)
    store.write(found(2, after_ms=1), loud=False, now_ms=NOW_MS)
    assert store.prune(NOW_MS + KEEP.days * DAY_MS) == 0
    assert store.prune(NOW_MS + KEEP.days * DAY_MS + 1) == 1
    assert every(store) == [found(2, after_ms=1)]
    assert every(store, detector="geo_shift") == [found(2, after_ms=1)]


def test_a_prune_that_is_told_to_stops_early(store: FindingStore) -> None:
    for number in range(KEEP.count + STEP):
        store.write(found(number), loud=False, now_ms=NOW_MS)
    assert store.prune(NOW_MS + 10 * DAY_MS, steps=1) == STEP
    assert store.prune(NOW_MS + 10 * DAY_MS) == KEEP.count


def test_counts_are_of_the_last_day(store: FindingStore) -> None:
    store.write(found(1), loud=True, now_ms=NOW_MS)
    store.write(found(2, key_id="other"), loud=True, now_ms=NOW_MS)
    store.write(found(3, Action.OBSERVE, key_id="third"), loud=False, now_ms=NOW_MS + DAY_MS // 2)
    assert store.counts(NOW_MS + DAY_MS // 2) == FindingCounts(3, 2, 2)
    later = NOW_MS + DAY_MS + 600_000
    assert store.counts(later) == FindingCounts(1, 0, 0)
    store.write(found(4), loud=True, now_ms=later)
    assert store.counts(later) == FindingCounts(2, 1, 1)
