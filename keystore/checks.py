"""The contract suite: what every key store must do, ours and each vendor's adapter.

Run every function of :data:`CHECKS` on a fresh bench::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_contract(check, bench):
        check(bench)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from domain.errors import Reason, Refused
from domain.ports import KeyState, KeyStatus, KeyStore

END_MS: Final = 4_102_444_800_000
"""2100-01-01: a suspension that does not run out during a test."""


class Bench(Protocol):
    """A store to check, and what only people can do to its keys."""

    store: KeyStore

    def new_key(self) -> str:
        """The id of a new active key."""

    def suspend_as_person(self, key_id: str) -> None:
        """Stop the key as an operator would, past keywatch."""

    def revoke(self, key_id: str) -> None:
        """End the key for good."""


def capabilities_are_constant(bench: Bench) -> None:
    """Policy reads them once."""
    capabilities = bench.store.capabilities()
    _equal("capabilities", bench.store.capabilities(), capabilities)
    _equal("propagation is a duration", capabilities.propagation_s >= 0, True)


def a_new_key_is_active(bench: Bench) -> None:
    """And nobody holds it."""
    key_id = bench.new_key()
    status = bench.store.describe(key_id)
    _equal("status", (status.key_id, status.state, status.case_id), (key_id, KeyState.ACTIVE, ""))


def describe_tells_reason_and_case(bench: Bench) -> None:
    """What the owner is shown."""
    key_id = bench.new_key()
    suspended = bench.store.suspend(key_id, case_id="case-1", reason="new country", expires_ms=END_MS)
    told = (suspended.state, suspended.case_id, suspended.reason, suspended.expires_ms)
    _equal("told", told, (KeyState.SUSPENDED, "case-1", "new country", END_MS))
    _equal("describe", bench.store.describe(key_id), suspended)


def suspending_twice_is_once(bench: Bench) -> None:
    """The second call answers the first one's status, whatever it says of reason and end."""
    key_id = bench.new_key()
    first = _suspend(bench, key_id, "case-1")
    again = bench.store.suspend(key_id, case_id="case-1", reason="said otherwise", expires_ms=END_MS)
    _equal("status", again, first)
    _equal("state after one reinstatement", _reinstate(bench, key_id, "case-1").state, KeyState.ACTIVE)


def reinstating_twice_is_once(bench: Bench) -> None:
    """The reviewer's click may arrive twice."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "case-1")
    first = _reinstate(bench, key_id, "case-1")
    told = (first.state, first.case_id, first.reason, first.expires_ms)
    _equal("told", told, (KeyState.ACTIVE, "", "", None))
    _equal("second answer", _reinstate(bench, key_id, "case-1"), first)


def a_key_is_suspended_again_for_a_new_case(bench: Bench) -> None:
    """One reinstatement is no pardon for ever."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "case-1")
    _reinstate(bench, key_id, "case-1")
    _equal("case", _suspend(bench, key_id, "case-2").case_id, "case-2")


def an_unknown_key_is_not_found(bench: Bench) -> None:
    """Nothing is created by asking."""
    for act in (
        bench.store.describe,
        lambda k: _suspend(bench, k, "case-1"),
        lambda k: _reinstate(bench, k, "c"),
    ):
        _refused(Reason.NOT_FOUND, act, "no-such-key")


def a_persons_suspension_is_not_undone(bench: Bench) -> None:
    """Neither taken over nor lifted."""
    key_id = bench.new_key()
    bench.suspend_as_person(key_id)
    _refused(Reason.NOT_OURS, lambda k: _suspend(bench, k, "case-1"), key_id)
    _refused(Reason.NOT_OURS, lambda k: _reinstate(bench, k, "case-1"), key_id)
    _equal("state", bench.store.describe(key_id).state, KeyState.SUSPENDED)


def another_case_cannot_reinstate(bench: Bench) -> None:
    """Only the case that holds the key lets it go."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "case-1")
    _refused(Reason.NOT_OURS, lambda k: _reinstate(bench, k, "case-2"), key_id)
    _equal("holder", bench.store.describe(key_id).case_id, "case-1")


def a_revoked_key_stays_revoked(bench: Bench) -> None:
    """From active as from suspended."""
    for suspended_before in (False, True):
        key_id = bench.new_key()
        if suspended_before:
            _suspend(bench, key_id, "case-1")
        bench.revoke(key_id)
        _refused(Reason.ILLEGAL_STATE, lambda k: _suspend(bench, k, "case-1"), key_id)
        _refused(Reason.ILLEGAL_STATE, lambda k: _reinstate(bench, k, "case-1"), key_id)
        _equal("state", bench.store.describe(key_id).state, KeyState.REVOKED)


CHECKS: Final[tuple[Callable[[Bench], None], ...]] = (
    capabilities_are_constant,
    a_new_key_is_active,
    describe_tells_reason_and_case,
    suspending_twice_is_once,
    reinstating_twice_is_once,
    a_key_is_suspended_again_for_a_new_case,
    an_unknown_key_is_not_found,
    a_persons_suspension_is_not_undone,
    another_case_cannot_reinstate,
    a_revoked_key_stays_revoked,
)


def _suspend(bench: Bench, key_id: str, case_id: str) -> KeyStatus:
    return bench.store.suspend(key_id, case_id=case_id, reason="spike", expires_ms=None)


def _reinstate(bench: Bench, key_id: str, case_id: str) -> KeyStatus:
    return bench.store.reinstate(key_id, case_id=case_id)


def _refused(reason: Reason, act: Callable[[str], KeyStatus], key_id: str) -> None:
    try:
        status = act(key_id)
    except Refused as error:
        _equal("reason of refusal", error.reason, reason)
    else:
        raise AssertionError(f"should be refused with {reason}, answered {status}")


def _equal(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, should be {expected!r}")
