"""Every key store of ours does the same, whatever it runs on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from domain.clock import ManualClock
from domain.errors import Fatal, Reason, Refused, Rejected
from domain.ports import KeyState, KeyStore
from domain.secret import Secret
from keystore.base import BaseKeyStore
from keystore.checks import CHECKS, Bench
from tests.contract.keys import NOW_MS, READ, MakeStore, refused


@dataclass
class OurBench:
    """The contract suite's view of our own stores."""

    keys: BaseKeyStore
    store: KeyStore
    made: int = 0

    def new_key(self) -> str:
        self.made += 1
        return self.keys.import_external(f"ключ {{{self.made}}}", "acme", "ops").key_id

    def suspend_as_person(self, key_id: str) -> None:
        self.keys.suspend_manually(key_id, "ada", "seen in a repository")

    def revoke(self, key_id: str) -> None:
        self.keys.revoke(key_id, "ada", "leaked")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check: Callable[[Bench], None], store: BaseKeyStore) -> None:
    check(OurBench(store, store))


def test_without_peppers_keys_are_suspended_but_neither_issued_nor_verified(make: MakeStore) -> None:
    store = make(None)
    store.import_external("k", "acme", "ops")
    assert store.suspend("k", case_id="c", reason="", expires_ms=None).state is KeyState.SUSPENDED
    for act in (lambda: store.issue("acme", "ops", "ci"), lambda: store.verify(Secret("sk_live_x"), READ)):
        with pytest.raises(Fatal, match="pepper_file"):
            act()


# -- cases and people --------------------------------------------------------------------------------


def test_an_ended_case_never_suspends_again(store: BaseKeyStore) -> None:
    store.import_external("k", "acme", "ops")
    store.suspend("k", case_id="case-1", reason="spike", expires_ms=None)
    store.reinstate_manually("k", "ada", "false positive")
    assert (
        refused(lambda: store.suspend("k", case_id="case-1", reason="late", expires_ms=None))
        is Reason.CONFLICT
    )
    assert store.describe("k").state is KeyState.ACTIVE
    assert store.reinstate("k", case_id="case-1").state is KeyState.ACTIVE


def test_a_second_case_waits_while_the_first_holds_and_follows_when_it_ran_out(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    store.import_external("k", "acme", "ops")
    store.suspend("k", case_id="case-1", reason="spike", expires_ms=NOW_MS + 5000)
    assert (
        refused(lambda: store.suspend("k", case_id="case-2", reason="", expires_ms=None)) is Reason.CONFLICT
    )
    clock.advance(5)
    assert store.suspend("k", case_id="case-2", reason="again", expires_ms=None).case_id == "case-2"
    assert store.expire_suspension("k", "case-1").case_id == "case-2"


def test_a_key_never_suspended_is_not_ours_to_reinstate(store: BaseKeyStore) -> None:
    store.import_external("k", "acme", "ops")
    assert refused(lambda: store.reinstate("k", case_id="case-1")) is Reason.NOT_OURS


def test_a_person_takes_a_key_over_from_a_case_and_lets_it_go(store: BaseKeyStore) -> None:
    store.import_external("k", "acme", "ops")
    store.suspend("k", case_id="case-1", reason="spike", expires_ms=NOW_MS + 5000)
    taken = store.suspend_manually("k", "ada", "confirmed")
    assert (taken.state, taken.case_id, taken.reason, taken.expires_ms) == (
        "suspended",
        "",
        "confirmed",
        None,
    )
    assert store.details("k").suspended_by == "ada"
    assert refused(lambda: store.reinstate("k", case_id="case-1")) is Reason.NOT_OURS
    assert store.suspend_manually("k", "bob", "me too") == taken
    assert store.reinstate_manually("k", "bob", "rotated").state is KeyState.ACTIVE
    assert store.reinstate_manually("k", "bob", "rotated").state is KeyState.ACTIVE


def test_history_tells_what_happened_newest_first(store: BaseKeyStore, clock: ManualClock) -> None:
    store.import_external("k", "acme", "ops")
    clock.advance(1)
    for _ in range(2):
        store.suspend("k", case_id="case-1", reason="spike", expires_ms=None)
    store.revoke("k", "ada", "leaked")
    told = [(e.verb, e.before, e.after, e.case_id, e.by, e.reason, e.at_ms) for e in store.history("k")]
    assert told == [
        ("revoke", "suspended", "revoked", "", "ada", "leaked", NOW_MS + 1000),
        ("suspend", "active", "suspended", "case-1", "keywatch", "spike", NOW_MS + 1000),
        ("import", "", "active", "", "ops", "", NOW_MS),
    ]
    assert [e.verb for e in store.history("k", limit=1)] == ["revoke"]
    assert refused(lambda: store.history("unknown")) is Reason.NOT_FOUND


def test_a_suspension_does_not_fail_on_what_its_reason_holds(store: BaseKeyStore) -> None:
    store.import_external("k", "acme", "ops")
    status = store.suspend("k", case_id="c", reason="agent \x1b[2J\n" + "x" * 5000, expires_ms=None)
    assert status.reason.startswith("agent  [2J xxx")
    assert len(status.reason) == 1000


# -- expiries ----------------------------------------------------------------------------------------


def test_expiry_reinstates_once_due_and_leaves_no_trace_in_the_schedule(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    store.import_external("k", "acme", "ops")
    store.import_external("later", "acme", "ops")
    store.suspend("k", case_id="case-1", reason="spike", expires_ms=NOW_MS + 5000)
    store.suspend("later", case_id="case-2", reason="spike", expires_ms=NOW_MS + 6000)
    assert store.due_expiries(NOW_MS + 4999) == []
    clock.advance(5)
    (due,) = store.due_expiries(NOW_MS + 5000)
    assert (due.key_id, due.case_id, due.due_ms) == ("k", "case-1", NOW_MS + 5000)
    for _ in range(2):
        assert store.expire_suspension("k", "case-1").state is KeyState.ACTIVE
    assert [d.key_id for d in store.due_expiries(NOW_MS + 9000)] == ["later"]
    assert [d.key_id for d in store.due_expiries(NOW_MS + 9000, limit=1)] == ["later"]


def test_expiry_spares_a_key_that_a_person_or_a_later_end_holds(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    for key_id in ("person", "early"):
        store.import_external(key_id, "acme", "ops")
        store.suspend(key_id, case_id="case-1", reason="spike", expires_ms=NOW_MS + 5000)
    store.suspend_manually("person", "ada", "confirmed")
    store.suspend("early", case_id="case-1", reason="said again", expires_ms=NOW_MS + 1000)
    clock.advance(1)
    for due in store.due_expiries(NOW_MS + 1000):
        assert store.expire_suspension(due.key_id, due.case_id).state is KeyState.SUSPENDED
    assert [d.due_ms for d in store.due_expiries(NOW_MS + 5000)] == [NOW_MS + 5000] * 2
    clock.advance(4)
    assert store.expire_suspension("person", "case-1").state is KeyState.SUSPENDED
    assert store.expire_suspension("early", "case-1").state is KeyState.ACTIVE
    assert store.due_expiries(NOW_MS + 9000) == []


def test_a_refused_suspension_is_dropped_from_the_schedule_when_due(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    store.import_external("k", "acme", "ops")
    store.suspend_manually("k", "ada", "confirmed")
    assert (
        refused(lambda: store.suspend("k", case_id="c", reason="", expires_ms=NOW_MS + 1)) is Reason.NOT_OURS
    )
    clock.advance(1)
    for due in store.due_expiries(NOW_MS + 1000):
        store.expire_suspension(due.key_id, due.case_id)
    assert store.due_expiries(NOW_MS + 1000) == []
    assert refused(lambda: store.expire_suspension("gone", "c")) is Reason.NOT_FOUND


# -- lists and imports -------------------------------------------------------------------------------


def test_pages_hold_every_key_once_newest_first(store: BaseKeyStore, clock: ManualClock) -> None:
    store.import_many([(f"old-{n}", "acme", "ops") for n in range(7)])  # all in one millisecond
    clock.advance(1)
    store.import_many([(f"new-{n}", "acme", "ops") for n in range(4)])
    seen, cursor = [], ""
    for _ in range(4):
        page = store.list(cursor=cursor, limit=3)
        seen += [key.status.key_id for key in page.keys]
        cursor = page.cursor
    assert cursor == ""
    assert seen[:4] == [f"new-{n}" for n in (3, 2, 1, 0)]
    assert sorted(seen[4:]) == [f"old-{n}" for n in range(7)]


def test_a_list_by_state_knows_what_time_did(store: BaseKeyStore, clock: ManualClock) -> None:
    short, held = store.issue("acme", "ops", "a", expires_s=5), store.issue("acme", "ops", "b")
    store.suspend(held.key_id, case_id="c", reason="", expires_ms=None)
    clock.advance(5)
    listed = {state: [k.status.key_id for k in store.list(state).keys] for state in KeyState}
    assert listed[KeyState.EXPIRED] == [short.key_id]
    assert listed[KeyState.SUSPENDED] == [held.key_id]
    assert listed[KeyState.ACTIVE] == listed[KeyState.REVOKED] == listed[KeyState.RETIRING] == []


def test_a_rare_state_is_found_by_following_the_cursor(store: BaseKeyStore, clock: ManualClock) -> None:
    store.import_external("rare", "acme", "ops")
    store.revoke("rare", "ada", "")
    clock.advance(1)
    store.import_many([(f"k{n}", "acme", "ops") for n in range(30)])
    first = store.list(KeyState.REVOKED, limit=1)
    assert first.keys == ()
    second = store.list(KeyState.REVOKED, first.cursor, limit=1)
    assert [k.status.key_id for k in second.keys] == ["rare"]


def test_importing_again_answers_and_changes_nothing(store: BaseKeyStore, clock: ManualClock) -> None:
    store.import_external("k", "acme", "ops")
    suspended = store.suspend("k", case_id="c", reason="spike", expires_ms=None)
    clock.advance(1)
    assert store.import_external("k", "acme", "ops") == suspended
    assert len(store.list().keys) == 1
    for tenant, owner in (("other", "ops"), ("acme", "other")):
        with pytest.raises(Refused) as caught:
            store.import_external("k", tenant, owner)
        assert caught.value.reason is Reason.CONFLICT
    issued = store.issue("acme", "ops", "ci")
    assert refused(lambda: store.import_external(issued.key_id, "acme", "ops")) is Reason.CONFLICT


def test_key_ids_are_their_exact_bytes(store: BaseKeyStore) -> None:
    alike = ["k", "K", "\u212a", "\uff4b", "k ", "{k}", "k}{", "k:history"]
    store.import_many([(key_id, "acme", "ops") for key_id in alike])
    store.suspend("{k}", case_id="c", reason="", expires_ms=None)
    suspended = [key_id for key_id in alike if store.describe(key_id).state is KeyState.SUSPENDED]
    assert suspended == ["{k}"]


@pytest.mark.parametrize("key_id", ["", "k\n", "k\0c", "\ud800", "é" * 129])
def test_an_id_that_cannot_be_kept_is_rejected(store: BaseKeyStore, key_id: str) -> None:
    with pytest.raises(Rejected) as caught:
        store.import_many([("good", "acme", "ops"), (key_id, "acme", "ops")])
    assert caught.value.reason is Reason.BAD_KEY_ID
    assert refused(lambda: store.describe("good")) is Reason.NOT_FOUND
    assert refused(lambda: store.describe(key_id)) is Reason.NOT_FOUND


def test_bad_values_are_rejected_before_anything_is_stored(store: BaseKeyStore) -> None:
    acts: list[Callable[[], object]] = [
        lambda: store.issue("acme", "ops", "ci", prefix="SK_live"),
        lambda: store.issue("acme", "ops", "ci", expires_s=0),
        lambda: store.issue("acme\n", "ops", "ci"),
        lambda: store.issue("acme", "o" * 1001, "ci"),
        lambda: store.issue("acme", "ops", "ci", scopes=["two words"]),
        lambda: store.issue("acme", "ops", "ci", scopes=["GET:/v1/items", "read"]),
        lambda: store.issue("acme", "ops", "ci", networks=["198.18.0.1/16"]),
        lambda: store.suspend("k", case_id="", reason="", expires_ms=None),
        lambda: store.revoke("k", "", "leaked"),
        lambda: store.list(limit=0),
        lambda: store.list(limit=1001),
    ]
    assert [refused(act) for act in acts] == [Reason.WRONG_TYPE] * len(acts)
    assert store.list().keys == ()
