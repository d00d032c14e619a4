"""Rotation: both keys work for a time, then one; owners are told, each once; alike in every store."""

from __future__ import annotations

import pytest

from domain.clock import ManualClock
from domain.errors import Reason, Refused, Transient
from domain.ports import KeyState
from keystore.base import BaseKeyStore
from keystore.notices import MemoryOwnerNotice, Notice, NoticeKind
from keystore.rate import RateLimit
from keystore.refusal import Refusal
from tests.contract.keys import ITEMS, NOW_MS, NOW_S, refused, turned_away, verified

DAY_S = 86_400
DAY_MS = DAY_S * 1000


def test_both_keys_work_during_the_grace_and_then_only_the_successor(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    old = store.issue("acme", "ops", "ci", scopes=ITEMS)
    new = store.rotate(old.key_id, "ada", "yearly")
    assert new.secret != old.secret
    clock.advance(DAY_S - 0.001)
    accepted = verified(store, old.secret)
    told = (accepted.state, accepted.retires_ms, accepted.successor)
    assert told == (KeyState.RETIRING, NOW_MS + DAY_MS, new.key_id)
    assert verified(store, new.secret).state is KeyState.ACTIVE
    clock.advance(0.001)
    answer = turned_away(store, old.secret)
    assert answer.refusal is Refusal.RETIRED
    assert new.key_id in answer.message
    assert verified(store, new.secret).successor == ""


def test_the_successor_may_do_what_the_old_key_may(store: BaseKeyStore, clock: ManualClock) -> None:
    grant = {"scopes": ITEMS, "networks": ("198.18.0.0/16",), "rate": RateLimit(5, 60, 2)}
    old = store.issue("acme", "ops@acme.example", "ci", "pk_test", 90 * DAY_S, **grant)  # type: ignore[arg-type]
    clock.advance(80 * DAY_S)
    new = store.rotate(old.key_id, "ada")
    before, after = store.details(old.key_id), store.details(new.key_id)
    for field in ("name", "prefix", "scopes", "networks", "rate"):
        assert getattr(after, field) == getattr(before, field) != ""
    assert (after.status.tenant, after.status.owner) == ("acme", "ops@acme.example")
    assert after.key_expires_ms == NOW_MS + (80 + 90) * DAY_MS
    assert (after.predecessor, before.successor) == (old.key_id, new.key_id)


def test_an_emergency_rotation_stops_the_old_key_at_once(store: BaseKeyStore) -> None:
    old = store.issue("acme", "ops", "ci", scopes=ITEMS)
    new = store.rotate(old.key_id, "ada", "leaked", grace_s=0)
    answer = turned_away(store, old.secret)
    assert answer.refusal is Refusal.REVOKED
    assert new.key_id in answer.message
    assert verified(store, new.secret).key_id == new.key_id
    status = store.describe(old.key_id)
    assert (status.state, status.reason) == (KeyState.REVOKED, f"replaced by {new.key_id}: leaked")
    (entry, _) = store.history(old.key_id)
    assert (entry.verb, entry.before, entry.after, entry.by) == ("rotate", "active", "revoked", "ada")
    assert new.key_id in entry.reason


def test_the_last_use_of_the_old_key_is_visible(store: BaseKeyStore, clock: ManualClock) -> None:
    old = store.issue("acme", "ops", "ci", scopes=ITEMS)
    new = store.rotate(old.key_id, "ada")
    clock.advance(3600)
    verified(store, old.secret)
    clock.advance(3600)
    verified(store, new.secret)
    last = [usage.last_used_ms for usage in store.usage([old.key_id, new.key_id])]
    assert last == [NOW_MS + 3_600_000, NOW_MS + 7_200_000]


def test_a_grace_that_is_over_is_written_down_once(store: BaseKeyStore, clock: ManualClock) -> None:
    old, other = (store.issue("acme", "ops", "ci", scopes=ITEMS) for _ in range(2))
    new = store.rotate(old.key_id, "ada", grace_s=60)
    store.rotate(other.key_id, "ada", grace_s=3600)
    assert store.retire_due() == []
    clock.advance(60)
    (ended,) = store.retire_due()
    told = (ended.key_id, ended.state, ended.reason)
    assert told == (old.key_id, KeyState.REVOKED, f"replaced by {new.key_id}")
    clock.advance(600)
    assert store.retire_due() == []
    assert [entry.verb for entry in store.history(old.key_id)] == ["retire", "rotate", "issue"]
    assert turned_away(store, old.secret).refusal is Refusal.RETIRED


def test_a_suspended_key_can_be_rotated_and_stays_suspended(store: BaseKeyStore, clock: ManualClock) -> None:
    old = store.issue("acme", "ops", "ci", scopes=ITEMS)
    store.suspend(old.key_id, case_id="c", reason="spike", expires_ms=None)
    new = store.rotate(old.key_id, "ada", grace_s=60)
    assert turned_away(store, old.secret).refusal is Refusal.SUSPENDED
    verified(store, new.secret)
    assert store.reinstate(old.key_id, case_id="c").state is KeyState.RETIRING
    verified(store, old.secret)
    clock.advance(60)
    assert (
        refused(lambda: store.suspend(old.key_id, case_id="d", reason="", expires_ms=None))
        is Reason.ILLEGAL_STATE
    )
    assert store.retire_due()[0].state is KeyState.REVOKED


def test_a_grace_never_outlasts_the_key(store: BaseKeyStore, clock: ManualClock) -> None:
    old = store.issue("acme", "ops", "ci", expires_s=60, scopes=ITEMS)
    store.rotate(old.key_id, "ada")
    assert store.details(old.key_id).retires_ms == NOW_MS + 60_000


def test_what_cannot_be_rotated_is_left_as_it_was(store: BaseKeyStore, clock: ManualClock) -> None:
    rotated, revoked = (store.issue("acme", "ops", "ci", scopes=ITEMS) for _ in range(2))
    expired = store.issue("acme", "ops", "ci", expires_s=60, scopes=ITEMS)
    store.import_external("elsewhere", "acme", "ops")
    new = store.rotate(rotated.key_id, "ada")
    store.revoke(revoked.key_id, "ada", "leaked")
    clock.advance(60)
    known = len(store.list().keys)
    with pytest.raises(Refused, match=f"replaced by {new.key_id}") as caught:
        store.rotate(rotated.key_id, "ada")
    assert caught.value.reason is Reason.CONFLICT
    for key_id in (revoked.key_id, expired.key_id, "elsewhere"):
        assert refused(lambda k=key_id: store.rotate(k, "ada")) is Reason.ILLEGAL_STATE  # type: ignore[misc]
    assert refused(lambda: store.rotate("unknown", "ada")) is Reason.NOT_FOUND
    for grace_s in (-1, 30 * DAY_S + 1):
        assert refused(lambda g=grace_s: store.rotate(new.key_id, "ada", grace_s=g)) is Reason.WRONG_TYPE  # type: ignore[misc]
    assert refused(lambda: store.rotate(new.key_id, "")) is Reason.WRONG_TYPE
    assert len(store.list().keys) == known
    assert store.rotate(new.key_id, "ada", grace_s=30 * DAY_S).key_id != new.key_id


# -- owners ------------------------------------------------------------------------------------------


def days_left(notices: list[Notice]) -> list[float]:
    return [(notice.at_ms - notice.due_ms) / DAY_MS for notice in notices]


def test_owners_hear_30_7_and_1_days_ahead_once_each(store: BaseKeyStore, clock: ManualClock) -> None:
    key = store.issue("acme", "ops@acme.example", "ci", scopes=ITEMS)
    store.issue("acme", "ops", "for ever", expires_s=None, scopes=ITEMS)
    owner, heard = MemoryOwnerNotice(), []
    for day in range(366):
        clock.set(NOW_S + day * DAY_S)
        heard += [day for _ in store.tell_owners(owner)]
    assert heard == [335, 358, 364]
    assert days_left(owner.sent) == [30, 7, 1]
    first = owner.sent[0]
    assert (first.kind, first.key_id, first.owner) == (NoticeKind.EXPIRES, key.key_id, "ops@acme.example")
    assert (first.name, first.tenant, first.at_ms) == ("ci", "acme", key.expires_ms)


def test_only_the_most_urgent_of_several_late_notices_is_sent(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    store.issue("acme", "ops", "ci", scopes=ITEMS)
    clock.advance(363 * DAY_S)
    assert days_left(list(store.due_notices())) == [7]


def test_a_key_that_lives_five_days_is_announced_one_day_ahead(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    store.issue("acme", "ops", "ci", expires_s=5 * DAY_S, scopes=ITEMS)
    assert store.due_notices() == []
    clock.advance(4 * DAY_S)
    assert days_left(list(store.due_notices())) == [1]


def test_a_revoked_or_replaced_key_is_not_announced(store: BaseKeyStore, clock: ManualClock) -> None:
    revoked, replaced = (store.issue("acme", "ops", "ci", scopes=ITEMS) for _ in range(2))
    store.revoke(revoked.key_id, "ada", "leaked")
    clock.advance(1)
    new = store.rotate(replaced.key_id, "ada", grace_s=30 * DAY_S)
    assert [n.kind for n in store.tell_owners(MemoryOwnerNotice())] == [NoticeKind.ROTATED]
    clock.advance(335 * DAY_S)
    assert [notice.key_id for notice in store.tell_owners(MemoryOwnerNotice())] == [new.key_id]


def test_the_owner_hears_of_a_rotation_emergency_or_not(store: BaseKeyStore) -> None:
    for grace_s in (0, 60):
        old = store.issue("acme", "ops@acme.example", "ci", scopes=ITEMS)
        new = store.rotate(old.key_id, "ada", "leaked", grace_s)
        (notice,) = store.tell_owners(MemoryOwnerNotice())
        told = (notice.kind, notice.key_id, notice.successor, notice.owner, notice.at_ms)
        assert told == (
            NoticeKind.ROTATED,
            old.key_id,
            new.key_id,
            "ops@acme.example",
            NOW_MS + grace_s * 1000,
        )


class Unreachable:
    def send(self, notice: Notice) -> None:
        raise Transient(Reason.UNREACHABLE, "no mail server")


class Refusing:
    def send(self, notice: Notice) -> None:
        raise Refused(Reason.DENIED, "no such mailbox")


def test_a_notice_that_could_not_be_sent_waits_for_another_worker(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    old = store.issue("acme", "ops", "ci", scopes=ITEMS)
    store.rotate(old.key_id, "ada")
    with pytest.raises(Transient):
        store.tell_owners(Unreachable())
    assert store.tell_owners(MemoryOwnerNotice()) == []
    clock.advance(300)
    (notice,) = store.due_notices()
    assert store.claim_notice(notice)
    assert not store.claim_notice(notice)
    clock.advance(300)
    assert store.tell_owners(Refusing()) == []
    clock.advance(300)
    assert store.due_notices() == []
