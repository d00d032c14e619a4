"""Keys that another system made, taken over with their secrets: alike in every store."""

from __future__ import annotations

import pytest

from domain.clock import ManualClock
from domain.errors import Fatal, Reason
from domain.ports import KeyState
from domain.secret import Secret
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.issuing import KeySpec
from keystore.notices import MemoryOwnerNotice
from keystore.proved import Proved
from keystore.rate import RateLimit
from keystore.refusal import Refusal
from keystore.request import Request
from keystore.token import generate
from tests.contract.keys import ITEMS, MakeStore, refused, turned_away, verified

OLD = Secret("tulip-7731")
SPEC = KeySpec("acme", "ops@acme.example", "old gateway", scopes=ITEMS, rate=RateLimit(60, 60, 3))


@pytest.fixture
def store(make: MakeStore) -> BaseKeyStore:
    return make(Peppers.generate(), imported=True)


def test_an_imported_secret_verifies_under_its_own_id_and_grant(store: BaseKeyStore) -> None:
    assert store.import_secret("gw-1", OLD, SPEC).state is KeyState.ACTIVE
    for remaining in (2, 1):  # by Argon2, then remembered
        accepted = verified(store, OLD, Request("GET", "/v1/items/1", "198.18.3.7", "live"))
        assert (accepted.key_id, accepted.tenant, accepted.environment) == ("gw-1", "acme", "live")
        assert accepted.rate is not None
        assert accepted.rate.remaining == remaining
    assert turned_away(store, OLD, Request("GET", "/admin", "198.18.3.7")).key_id == "gw-1"
    assert sum(store.usage(["gw-1"])[0].days.values()) == 3
    details = store.details("gw-1")
    assert (details.weak, details.pepper_version, details.name) == (True, 1, "old gateway")


def test_other_text_is_no_key(store: BaseKeyStore) -> None:
    store.import_secret("gw-1", OLD, SPEC)
    for text in ("tulip-7732", "", "sk_live_short", "\ud800"):
        assert turned_away(store, Secret(text)).refusal is Refusal.UNKNOWN_KEY


def test_a_suspension_holds_at_once_though_the_secret_is_remembered(store: BaseKeyStore) -> None:
    store.import_secret("gw-1", OLD, SPEC)
    verified(store, OLD)
    store.suspend("gw-1", case_id="c", reason="spike", expires_ms=None)
    assert turned_away(store, OLD).refusal is Refusal.SUSPENDED
    store.reinstate("gw-1", case_id="c")
    store.revoke("gw-1", "ada", "leaked")
    assert turned_away(store, OLD).refusal is Refusal.REVOKED


def test_importing_twice_is_once_and_conflicts_are_refused(store: BaseKeyStore) -> None:
    first = store.import_secret("gw-1", OLD, SPEC)
    assert store.import_secret("gw-1", OLD, SPEC) == first
    assert [entry.verb for entry in store.history("gw-1")] == ["import"]
    assert refused(lambda: store.import_secret("gw-1", Secret("another one"), SPEC)) is Reason.CONFLICT
    assert refused(lambda: store.import_secret("gw-2", OLD, SPEC)) is Reason.CONFLICT
    store.import_external("gw-3", "acme", "ops")
    assert refused(lambda: store.import_secret("gw-3", Secret("third one"), SPEC)) is Reason.CONFLICT
    assert len(store.list().keys) == 2


def test_bad_imports_are_rejected(store: BaseKeyStore, make: MakeStore) -> None:
    issued = generate()
    for key_id, secret, spec in (
        ("", OLD, SPEC),
        ("gw-1", Secret("short"), SPEC),
        ("gw-1", Secret("x" * 1025), SPEC),
        ("gw-1", issued, SPEC),
        ("gw-1", OLD, KeySpec("acme", "ops", prefix="xx_live")),
    ):
        reason = refused(lambda i=key_id, s=secret, w=spec: store.import_secret(i, s, w))  # type: ignore[misc]
        assert reason in (Reason.WRONG_TYPE, Reason.BAD_KEY_ID)
    with pytest.raises(Fatal, match="imported_secrets"):
        make(Peppers.generate()).import_secret("gw-1", OLD, SPEC)
    assert store.list().keys == ()


def test_an_imported_key_moves_to_the_current_pepper_and_the_old_one_can_go(store: BaseKeyStore) -> None:
    store.import_secret("gw-1", OLD, SPEC)
    assert store.peppers is not None
    both = store.peppers.added().using(2)
    store.use_peppers(both)
    verified(store, OLD)
    assert store.details("gw-1").pepper_version == 2
    store.use_peppers(both.without(1))
    verified(store, OLD)
    assert [entry.verb for entry in store.history("gw-1")] == ["rehash", "import"]


def test_an_imported_key_is_announced_and_rotated_into_one_of_ours(
    store: BaseKeyStore, clock: ManualClock
) -> None:
    store.import_secret("gw-1", OLD, SPEC)
    clock.advance(335 * 86_400)
    assert [notice.key_id for notice in store.tell_owners(MemoryOwnerNotice())] == ["gw-1"]
    new = store.rotate("gw-1", "ada", "weak", grace_s=0)
    assert turned_away(store, OLD).refusal is Refusal.REVOKED
    verified(store, new.secret)
    assert not store.details(new.key_id).weak


def test_the_longest_unused_proof_is_forgotten_first() -> None:
    proved, secrets = Proved(most=2), [Secret(f"secret {n}") for n in range(3)]
    for number, secret in enumerate(secrets[:2]):
        proved.put(secret, f"key-{number}", "hash")
    assert proved.get(secrets[0]) == ("key-0", "hash")
    proved.put(secrets[2], "key-2", "hash")
    assert [proved.get(secret) is not None for secret in secrets] == [True, False, True]
