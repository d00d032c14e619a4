"""Expired keys, what people do through keywatch, and receivers of the webhook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Reason, Transient
from domain.ports import KeyState
from keystore.adapters.check_bench import Fault
from tests.vendors.asserts import refused, suspend
from tests.vendors.google import NOW_S

DAY_MS = 86_400_000
Open = Callable[[str], Any]


# -- the webhook ------------------------------------------------------------------------------------


def test_the_webhook_repeats_a_message_to_the_byte_and_signs_it_anew(open_bench: Open) -> None:
    hook = open_bench("webhook, mute")
    key_id = hook.new_key()
    hook.fail(Fault.ANSWER_LOST, write=True)
    with pytest.raises(Transient):
        suspend(hook, key_id, ends_ms=NOW_S * 1000 + DAY_MS)
    hook.clock.advance(600)
    suspend(hook, key_id, ends_ms=NOW_S * 1000 + DAY_MS)
    (_, first), (_, second) = hook.vendor.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == second.headers["idempotency-key"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 600
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert first.body["data"]["case_id"] == second.body["data"]["case_id"] == "case-1"


def test_the_webhook_signs_with_the_old_secret_too_while_it_is_replaced(open_bench: Open) -> None:
    hook = open_bench("webhook")
    hook.store.describe(hook.new_key())
    (_, request) = hook.vendor.requests[0]
    assert request.headers["webhook-signature"].count("v1,") == 2


def test_a_mute_receiver_that_says_already_is_believed_only_after_we_asked(open_bench: Open) -> None:
    hook = open_bench("webhook, mute")
    key_id = hook.new_key()
    hook.suspend_as_person(key_id)
    assert refused(lambda: suspend(hook, key_id)) is Reason.NOT_OURS
    assert hook.store.held() == []
    assert refused(lambda: hook.store.reinstate(key_id, case_id="case-1")) is Reason.NOT_OURS
    assert hook.stopped(key_id)


# -- all that have an end ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "expire"),
    [
        ("unkey", lambda vendor, key_id: vendor.keys[key_id].update(expires=NOW_S * 1000)),
        ("tyk, policies", lambda vendor, key_id: vendor.sessions[key_id].update(expires=NOW_S)),
        (
            "apigee, account",
            lambda vendor, key_id: vendor._credential(key_id).update(expiresAt=str(NOW_S * 1000)),
        ),
        (
            "gravitee, subscriptions",
            lambda vendor, key_id: vendor._subscription(key_id).update(endingAt="2026-01-01T00:00:00Z"),
        ),
        ("gravitee, API keys", lambda vendor, key_id: vendor._key(key_id).update(expired=True)),
    ],
)
def test_an_expired_key_is_neither_stopped_nor_started(
    open_bench: Open, variant: str, expire: Callable[[Any, str], None]
) -> None:
    made = open_bench(variant)
    key_id = made.new_key()
    expire(made.vendor, key_id)
    assert made.store.describe(key_id).state is KeyState.EXPIRED
    assert refused(lambda: suspend(made, key_id)) is Reason.ILLEGAL_STATE
    assert made.writes() == 0


# -- people, through keywatch -----------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["unkey", "kong, consumers", "tyk, policies", "webhook, mute"])
def test_a_person_takes_a_key_over_and_lets_it_go(open_bench: Open, variant: str) -> None:
    made = open_bench(variant)
    key_id = made.new_key()
    suspend(made, key_id)
    taken = made.store.suspend_manually(key_id, "ada", "confirmed")
    assert (taken.state, taken.case_id, taken.reason) == (KeyState.SUSPENDED, "", "confirmed")
    assert refused(lambda: made.store.reinstate(key_id, case_id="case-1")) is Reason.NOT_OURS
    assert refused(lambda: suspend(made, key_id, "case-2")) is Reason.NOT_OURS
    assert made.store.reinstate_manually(key_id, "bob", "rotated").state is KeyState.ACTIVE
    assert not made.stopped(key_id)
    assert made.store.suspend_manually(key_id, "ada", "again").state is KeyState.SUSPENDED
    assert made.store.reinstate_manually(key_id, "bob", "rotated").state is KeyState.ACTIVE


def test_a_person_does_not_start_through_keywatch_what_was_stopped_at_the_vendor(open_bench: Open) -> None:
    unkey = open_bench("unkey")
    key_id = unkey.new_key()
    unkey.suspend_as_person(key_id)
    assert unkey.store.suspend_manually(key_id, "ada", "leaked").state is KeyState.SUSPENDED
    assert refused(lambda: unkey.store.reinstate_manually(key_id, "ada", "fine")) is Reason.NOT_OURS
    assert unkey.stopped(key_id)


@pytest.mark.parametrize("variant", ["unkey", "kong, consumers", "google, restrict"])
def test_a_case_that_ran_out_hands_the_key_to_the_next(open_bench: Open, variant: str) -> None:
    made = open_bench(variant)
    key_id = made.new_key()
    suspend(made, key_id, ends_ms=NOW_S * 1000 + 5000)
    assert refused(lambda: suspend(made, key_id, "case-2")) is Reason.CONFLICT
    made.clock.advance(5)
    writes = made.writes()
    assert suspend(made, key_id, "case-2").case_id == "case-2"
    assert made.writes() == writes
    assert made.store.reinstate(key_id, case_id="case-2").state is KeyState.ACTIVE
    assert not made.stopped(key_id)
