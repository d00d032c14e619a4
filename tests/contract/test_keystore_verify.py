"""Who is let in, who is not and why, how often, and what is counted: alike in every store."""

from __future__ import annotations

import pytest

from domain.clock import ManualClock
from domain.ports import KeyState
from domain.secret import Secret
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.rate import RateLimit, RateStatus
from keystore.refusal import Refusal
from keystore.request import Request
from keystore.results import Usage, Verified
from keystore.usage import DAY_MS, DAYS_KEPT, day_of
from tests.contract.keys import ITEMS, NOW_MS, READ, MakeStore, turned_away, verified


def test_an_issued_secret_verifies_and_tells_whose_it_is(store: BaseKeyStore) -> None:
    issued = store.issue("acme", "ops@acme.example", "ci", "pk_test", scopes=ITEMS)
    assert verified(store, issued.secret) == Verified(
        key_id=issued.key_id,
        tenant="acme",
        owner="ops@acme.example",
        name="ci",
        environment="test",
        state=KeyState.ACTIVE,
        scopes=ITEMS,
        expires_ms=issued.expires_ms,
    )
    details = store.details(issued.key_id)
    assert (details.name, details.prefix, details.scopes) == ("ci", "pk_test", ITEMS)
    assert details.key_expires_ms == issued.expires_ms == NOW_MS + 365 * 86_400_000


@pytest.mark.parametrize(
    "text", ["", "sk_live_short", "key_7HqYw2mB4cXe9ZtA", "\ud800", "sk_live_" + "0" * 49]
)
def test_text_that_is_no_key_is_refused(store: BaseKeyStore, text: str) -> None:
    assert turned_away(store, Secret(text)).refusal is Refusal.MALFORMED


def test_a_well_formed_secret_of_another_store_is_refused(store: BaseKeyStore, make: MakeStore) -> None:
    stranger = make(Peppers.generate()).issue("acme", "ops", "ci", scopes=ITEMS)
    answer = turned_away(store, stranger.secret)
    assert (answer.refusal, answer.key_id) == (Refusal.UNKNOWN_KEY, "")


def test_a_suspended_key_is_not_accepted_until_reinstated(store: BaseKeyStore) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS)
    store.suspend(issued.key_id, case_id="case-1", reason="spike", expires_ms=None)
    answer = turned_away(store, issued.secret)
    told = (answer.refusal, answer.key_id, answer.tenant, answer.owner, answer.case_id)
    assert told == (Refusal.SUSPENDED, issued.key_id, "acme", "ops", "case-1")
    assert "spike" in answer.message
    store.reinstate(issued.key_id, case_id="case-1")
    assert verified(store, issued.secret).state is KeyState.ACTIVE


def test_a_revoked_key_and_an_expired_key_are_not_accepted(store: BaseKeyStore, clock: ManualClock) -> None:
    revoked = store.issue("acme", "ops", "old", scopes=ITEMS)
    short = store.issue("acme", "ops", "short", expires_s=60, scopes=ITEMS)
    forever = store.issue("acme", "ops", "for ever", expires_s=None, scopes=ITEMS)
    store.revoke(revoked.key_id, "ada", "leaked")
    clock.advance(60)
    for issued, refusal in ((revoked, Refusal.REVOKED), (short, Refusal.EXPIRED)):
        assert turned_away(store, issued.secret).refusal is refusal
    clock.advance(1e9)
    assert verified(store, forever.secret).expires_ms is None


def test_a_suspension_that_ran_out_stops_nothing_though_it_still_shows(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS)
    store.suspend(issued.key_id, case_id="case-1", reason="spike", expires_ms=NOW_MS + 5000)
    clock.advance(4.999)
    assert turned_away(store, issued.secret).refusal is Refusal.SUSPENDED
    clock.advance(0.001)
    assert verified(store, issued.secret).state is KeyState.ACTIVE
    assert store.describe(issued.key_id).state is KeyState.SUSPENDED


def test_what_no_scope_opens_is_closed(store: BaseKeyStore) -> None:
    nothing = store.issue("acme", "ops", "ci")
    assert turned_away(store, nothing.secret).refusal is Refusal.ENDPOINT_NOT_ALLOWED
    reader = store.issue("acme", "ops", "ci", scopes=ITEMS)
    for method, path, refusal in (
        ("DELETE", "/v1/items/42", Refusal.METHOD_NOT_ALLOWED),
        ("GET", "/v1/users", Refusal.ENDPOINT_NOT_ALLOWED),
        ("GET", "/v1/items/../users", Refusal.ENDPOINT_NOT_ALLOWED),
    ):
        answer = turned_away(store, reader.secret, Request(method, path, "198.18.3.7"))
        assert (answer.refusal, answer.key_id) == (refusal, reader.key_id)


def test_a_key_works_only_from_its_networks(store: BaseKeyStore) -> None:
    networks = ("198.18.0.0/16", "2001:db8::/32")
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS, networks=networks)
    for ip in ("198.18.3.7", "::ffff:198.18.3.7", "2001:db8::7"):
        assert verified(store, issued.secret, Request("GET", "/v1/items/1", ip)).key_id == issued.key_id
    for ip in ("198.19.0.1", "::ffff:198.19.0.1", "2001:db9::7", "", "unknown"):
        answer = turned_away(store, issued.secret, Request("GET", "/v1/items/1", ip))
        assert answer.refusal is Refusal.IP_NOT_ALLOWED


def test_a_test_key_does_not_work_where_things_are_live(store: BaseKeyStore) -> None:
    issued = store.issue("acme", "ops", "ci", "sk_test", scopes=ITEMS)
    live, test = (Request("GET", "/v1/items/1", "198.18.3.7", where) for where in ("live", "test"))
    answer = turned_away(store, issued.secret, live)
    assert (answer.refusal, answer.key_id) == (Refusal.WRONG_ENVIRONMENT, issued.key_id)
    assert verified(store, issued.secret, test).environment == "test"


# -- how often ---------------------------------------------------------------------------------------


def test_a_rate_limit_lets_a_burst_through_and_then_one_an_interval(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS, rate=RateLimit.parse("60/m+3"))
    left = [verified(store, issued.secret).rate for _ in range(3)]
    assert left == [RateStatus(60, 2, 1.0), RateStatus(60, 1, 2.0), RateStatus(60, 0, 3.0)]
    clock.advance(0.25)
    answer = turned_away(store, issued.secret)
    assert (answer.refusal, answer.rate) == (Refusal.RATE_LIMITED, RateStatus(60, 0, 2.75, 0.75))
    assert answer.key_id == issued.key_id
    clock.advance(0.75)
    assert verified(store, issued.secret).rate == RateStatus(60, 0, 3.0)
    clock.advance(100)
    assert verified(store, issued.secret).rate == RateStatus(60, 2, 1.0)


def test_the_long_run_rate_is_the_limit(store: BaseKeyStore, clock: ManualClock) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS, rate=RateLimit(7, 2, 1))
    accepted = 0
    for _ in range(400):
        accepted += isinstance(store.verify(issued.secret, READ), Verified)
        clock.advance(0.05)
    assert accepted == 67  # of 20 s at an interval of 2/7 s, met every 0.3 s


def test_a_refused_endpoint_is_taken_from_the_limit_and_a_stopped_key_is_not(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS, rate=RateLimit(1, 60, 2))
    elsewhere = Request("GET", "/v1/users", "198.18.3.7")
    assert turned_away(store, issued.secret, elsewhere).rate == RateStatus(1, 1, 60.0)
    store.suspend(issued.key_id, case_id="c", reason="spike", expires_ms=None)
    assert turned_away(store, issued.secret).rate is None
    store.reinstate(issued.key_id, case_id="c")
    assert verified(store, issued.secret).rate == RateStatus(1, 0, 120.0)


# -- what is counted ---------------------------------------------------------------------------------


def test_uses_are_counted_by_day_and_the_last_is_known(store: BaseKeyStore, clock: ManualClock) -> None:
    issued, idle = (store.issue("acme", "ops", "ci", scopes=ITEMS) for _ in range(2))
    store.import_external("k", "acme", "ops")
    verified(store, issued.secret)
    clock.advance(DAY_MS / 1000)
    verified(store, issued.secret)
    turned_away(store, issued.secret, Request("GET", "/v1/users", "198.18.3.7"))
    store.suspend(issued.key_id, case_id="c", reason="spike", expires_ms=None)
    clock.advance(1)
    turned_away(store, issued.secret)
    today = day_of(NOW_MS)
    used = Usage(NOW_MS + DAY_MS, {today: 1, today + 1: 2})
    keys = [issued.key_id, idle.key_id, "k", "unknown"]
    assert list(store.usage(keys)) == [used, Usage(), Usage(), Usage()]


def test_days_long_past_are_forgotten(store: BaseKeyStore, clock: ManualClock) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS)
    for _ in range(DAYS_KEPT + 3):
        verified(store, issued.secret)
        clock.advance(DAY_MS / 1000)
    clock.advance(20 * DAY_MS / 1000)
    verified(store, issued.secret)
    today = day_of(int(clock.now() * 1000))
    kept = range(today - 21 - (DAYS_KEPT - 22), today - 20)
    assert dict(store.usage([issued.key_id])[0].days) == {day: 1 for day in [*kept, today]}


# -- peppers -----------------------------------------------------------------------------------------


def test_a_key_moves_to_the_current_pepper_when_it_is_next_used(make: MakeStore) -> None:
    old, new = Peppers.generate(), Peppers.generate().by_version[1]
    store = make(old)
    issued = store.issue("acme", "ops", "ci", scopes=ITEMS)
    store.use_peppers(Peppers(2, {1: old.by_version[1], 2: new}))
    assert store.details(issued.key_id).pepper_version == 1
    for _ in range(2):
        verified(store, issued.secret)
    assert store.details(issued.key_id).pepper_version == 2
    told = [(e.verb, e.by, e.reason) for e in store.history(issued.key_id)]
    assert told == [("rehash", "keywatch", "pepper 1 to 2"), ("issue", "ops", "")]
    store.use_peppers(Peppers(2, {2: new}))
    verified(store, issued.secret)
    store.use_peppers(old)
    assert turned_away(store, issued.secret).refusal is Refusal.UNKNOWN_KEY
