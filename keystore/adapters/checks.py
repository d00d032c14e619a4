"""What every adapter must do beside :mod:`keystore.checks`: bear faults, races, and what people do meanwhile.

Run every function of :data:`VENDOR_CHECKS` on a fresh bench, or of :data:`IRREVERSIBLE_CHECKS` where a
suspension cannot be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from threading import Barrier, Thread
from typing import Final, Protocol, TypeVar

from domain.errors import Fatal, KeywatchError, Reason, Refused, Transient
from domain.ports import KeyState, KeyStatus, KeyStore
from keystore.checks import Bench

RETRY_AFTER_S: Final = 7.0
"""What a throttled bench asks for, if its vendor asks for anything."""
Error = TypeVar("Error", bound=KeywatchError)


class Fault(Enum):
    """What goes wrong with one request."""

    THROTTLED = "throttled"
    SERVER_ERROR = "server error"
    REQUEST_LOST = "the request is lost, and nothing is changed"
    ANSWER_LOST = "the request is carried out, and its answer is lost"


class VendorBench(Bench, Protocol):
    """An adapter to check, with its vendor in our hands."""

    detects_races: bool
    """Whether the vendor tells that a key changed between reading and writing."""
    tells_when: bool
    """Whether its answer to too many requests says how long to wait."""
    tells_state: bool
    """Whether it can describe a key."""

    def release_as_person(self, key_id: str) -> None:
        """Turn the key on again, past keywatch."""

    def stopped(self, key_id: str) -> bool:
        """Whether the vendor refuses the key."""

    def record(self, key_id: str) -> object:
        """All that the vendor keeps of the key."""

    def writes(self) -> int:
        """Requests so far that change something at the vendor."""

    def fail(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        """Let the next requests fail."""

    def during_write(self, act: Callable[[], None]) -> None:
        """Do something between our reading and our writing."""

    def fail_memory(self, *, after: int) -> None:
        """Let the write after ``after`` more writes to the prior states fail, once."""

    def stranger(self) -> KeyStore:
        """The same store with a credential that the vendor does not know."""

    def secrets(self) -> Sequence[str]:
        """What must show nowhere."""

    def remembered(self) -> str:
        """All prior states as text."""


def throttling_is_passed_on(bench: VendorBench) -> None:
    """With the wait that the vendor asks for; the caller decides whether to sleep."""
    key_id = bench.new_key()
    wanted = RETRY_AFTER_S if bench.tells_when else None
    for write in (False, True):
        bench.fail(Fault.THROTTLED, write=write, times=1 if bench.tells_when else 3)
        error = _raised(Transient, lambda: _suspend(bench, key_id, "case-1"))
        _equal("reason", error.reason, Reason.THROTTLED)
        _equal("wait", error.retry_after_s, wanted)
        _equal("stopped", bench.stopped(key_id), False)
    _equal("state afterwards", _suspend(bench, key_id, "case-1").state, KeyState.SUSPENDED)


def a_throttled_suspension_leaves_no_claim(bench: VendorBench) -> None:
    """What a person does after it is that person's."""
    key_id = bench.new_key()
    bench.fail(Fault.THROTTLED, write=True, times=1 if bench.tells_when else 3)
    _raised(Transient, lambda: _suspend(bench, key_id, "case-1"))
    bench.suspend_as_person(key_id)
    _equal("refused", _raised(Refused, lambda: _suspend(bench, key_id, "case-1")).reason, Reason.NOT_OURS)
    _equal("refused", _raised(Refused, lambda: _reinstate(bench, key_id, "case-1")).reason, Reason.NOT_OURS)
    _equal("stopped", bench.stopped(key_id), True)


def a_passing_server_error_is_borne(bench: VendorBench) -> None:
    """Reads are tried again, within bounds."""
    key_id = bench.new_key()
    bench.fail(Fault.SERVER_ERROR, write=False, times=2)
    _equal("state", bench.store.describe(key_id).state, KeyState.ACTIVE)


def a_lasting_server_error_is_transient(bench: VendorBench) -> None:
    """And changes nothing."""
    key_id = bench.new_key()
    for act in (
        lambda: bench.store.describe(key_id),
        lambda: _suspend(bench, key_id, "c"),
        lambda: _reinstate(bench, key_id, "c"),
    ):
        bench.fail(Fault.SERVER_ERROR, write=False, times=3)
        _equal("reason", _raised(Transient, act).reason, Reason.SERVER_ERROR)
    _equal("writes", bench.writes(), 0)


def a_server_error_on_writing_is_looked_into(bench: VendorBench) -> None:
    """Nothing happened, so it is not claimed; calling again does it."""
    key_id = bench.new_key()
    bench.fail(Fault.SERVER_ERROR, write=True)
    _equal("reason", _raised(Transient, lambda: _suspend(bench, key_id, "c")).reason, Reason.SERVER_ERROR)
    _equal("described", bench.store.describe(key_id).state, KeyState.ACTIVE)
    _equal("state", _suspend(bench, key_id, "c").state, KeyState.SUSPENDED)
    _equal("stopped", bench.stopped(key_id), True)


def a_suspension_lost_before_its_effect_is_repeated(bench: VendorBench) -> None:
    """The caller calls again, and it is done once."""
    key_id = bench.new_key()
    bench.fail(Fault.REQUEST_LOST, write=True)
    _equal("reason", _raised(Transient, lambda: _suspend(bench, key_id, "c")).reason, Reason.TIMEOUT)
    _equal("stopped", bench.stopped(key_id), False)
    _equal("state", _suspend(bench, key_id, "c").case_id, "c")
    _equal("writes", bench.writes(), 2)
    _equal("reinstated", _reinstate(bench, key_id, "c").state, KeyState.ACTIVE)


def a_suspension_whose_answer_is_lost_is_seen(bench: VendorBench) -> None:
    """Nobody is told that it failed, and it is not written twice."""
    key_id = bench.new_key()
    before = bench.record(key_id)
    bench.fail(Fault.ANSWER_LOST, write=True)
    _settled(bench, lambda: _suspend(bench, key_id, "c"))
    _equal("stopped", bench.stopped(key_id), True)
    _equal("case", bench.store.describe(key_id).case_id, "c")
    _reinstate(bench, key_id, "c")
    _equal("record", bench.record(key_id), before)


def a_suspension_of_unknown_outcome_is_found_later(bench: VendorBench) -> None:
    """The answer is lost, and so is the look after it."""
    key_id = bench.new_key()
    bench.fail(Fault.ANSWER_LOST, write=True)
    bench.during_write(lambda: bench.fail(Fault.SERVER_ERROR, write=False, times=3))
    _raised(Transient, lambda: _suspend(bench, key_id, "c"))
    _equal("case", _suspend(bench, key_id, "c").case_id, "c")
    _equal("stopped", bench.stopped(key_id), True)
    _equal("reinstated", _reinstate(bench, key_id, "c").state, KeyState.ACTIVE)
    _equal("stopped", bench.stopped(key_id), False)


def a_reinstatement_whose_answer_is_lost_is_seen(bench: VendorBench) -> None:
    """The reviewer's click counts once."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "c")
    bench.fail(Fault.ANSWER_LOST, write=True)
    _settled(bench, lambda: _reinstate(bench, key_id, "c"))
    _equal("stopped", bench.stopped(key_id), False)
    _equal("again", _reinstate(bench, key_id, "c").state, KeyState.ACTIVE)


def a_lost_reinstatement_is_repeated(bench: VendorBench) -> None:
    """The key is ours until it is done."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "c")
    bench.fail(Fault.REQUEST_LOST, write=True)
    _raised(Transient, lambda: _reinstate(bench, key_id, "c"))
    _equal("stopped", bench.stopped(key_id), True)
    _equal("again", _reinstate(bench, key_id, "c").state, KeyState.ACTIVE)
    _equal("stopped", bench.stopped(key_id), False)


def wrong_credentials_are_fatal(bench: VendorBench) -> None:
    """They say which setting to look at, and nothing of the credential."""
    key_id = bench.new_key()
    store = bench.stranger()
    for act in (
        lambda: store.describe(key_id),
        lambda: store.suspend(key_id, case_id="c", reason="", expires_ms=None),
    ):
        error = _raised(Fatal, act)
        _equal("reason", error.reason, Reason.CREDENTIALS)
        if "keystore." not in str(error):
            raise AssertionError(f"names no setting: {error}")
        for secret in bench.secrets():
            if secret in str(error):
                raise AssertionError("the error shows a secret")
    _equal("stopped", bench.stopped(key_id), False)


def a_memory_that_fails_afterwards_is_made_good(bench: VendorBench) -> None:
    """The vendor stopped the key and we could not note it down: the next call does."""
    key_id = bench.new_key()
    bench.fail_memory(after=1)
    _raised(Transient, lambda: _suspend(bench, key_id, "c"))
    _equal("stopped", bench.stopped(key_id), True)
    _equal("case", _suspend(bench, key_id, "c").case_id, "c")
    bench.fail_memory(after=0)
    _raised(Transient, lambda: _reinstate(bench, key_id, "c"))
    _equal("state", _reinstate(bench, key_id, "c").state, KeyState.ACTIVE)
    _equal("stopped", bench.stopped(key_id), False)


def nothing_is_done_that_cannot_be_remembered(bench: VendorBench) -> None:
    """No memory, no suspension."""
    key_id = bench.new_key()
    bench.fail_memory(after=0)
    _raised(Transient, lambda: _suspend(bench, key_id, "c"))
    _equal("writes", bench.writes(), 0)


def the_key_is_as_it_was_before(bench: VendorBench) -> None:
    """All that the vendor keeps of it, not only its switch."""
    key_id = bench.new_key()
    before = bench.record(key_id)
    _suspend(bench, key_id, "c")
    _reinstate(bench, key_id, "c")
    _equal("record", bench.record(key_id), before)


def a_persons_release_is_respected(bench: VendorBench) -> None:
    """Their case is over, whatever arrives late; a new case may suspend."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "case-1")
    bench.release_as_person(key_id)
    _equal("described", bench.store.describe(key_id).state, KeyState.ACTIVE)
    _equal("late", _raised(Refused, lambda: _suspend(bench, key_id, "case-1")).reason, Reason.CONFLICT)
    writes = bench.writes()
    _equal("reinstated", _reinstate(bench, key_id, "case-1").state, KeyState.ACTIVE)
    _equal("writes", bench.writes(), writes)
    _equal("new case", _suspend(bench, key_id, "case-2").case_id, "case-2")


def an_ended_case_never_suspends_again(bench: VendorBench) -> None:
    """A finding that is delivered twice must not undo a reviewer's verdict."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "case-1")
    _reinstate(bench, key_id, "case-1")
    _equal("late", _raised(Refused, lambda: _suspend(bench, key_id, "case-1")).reason, Reason.CONFLICT)
    _equal("stopped", bench.stopped(key_id), False)


def a_person_in_between_is_noticed(bench: VendorBench) -> None:
    """Where the vendor tells of it: the key is theirs."""
    key_id = bench.new_key()
    bench.during_write(lambda: bench.suspend_as_person(key_id))
    if not bench.detects_races:
        return
    _equal("refused", _raised(Refused, lambda: _suspend(bench, key_id, "c")).reason, Reason.NOT_OURS)
    _raised(Refused, lambda: _reinstate(bench, key_id, "c"))
    _equal("stopped", bench.stopped(key_id), True)


def of_two_cases_at_once_one_holds_the_key(bench: VendorBench) -> None:
    """And its reinstatement starts it."""
    key_id = bench.new_key()
    barrier = Barrier(2)
    outcomes: dict[str, KeyStatus | KeywatchError] = {}

    def suspend(case_id: str) -> None:
        barrier.wait()
        try:
            outcomes[case_id] = _suspend(bench, key_id, case_id)
        except KeywatchError as error:
            outcomes[case_id] = error

    threads = [Thread(target=suspend, args=(case_id,)) for case_id in ("case-1", "case-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holder = bench.store.describe(key_id).case_id
    _equal("a case holds it", holder in outcomes, True)
    _equal("its caller knows", isinstance(outcomes[holder], KeyStatus), True)
    (other,) = set(outcomes) - {holder}
    if not isinstance(outcomes[other], KeywatchError):
        raise AssertionError(f"both cases believe that they hold the key: {outcomes}")
    _equal("reinstated", _reinstate(bench, key_id, holder).state, KeyState.ACTIVE)
    _equal("stopped", bench.stopped(key_id), False)


def nothing_secret_is_kept_or_shown(bench: VendorBench) -> None:
    """Neither in what is remembered nor in how the store prints."""
    key_id = bench.new_key()
    _suspend(bench, key_id, "c")
    shown = f"{bench.remembered()} {bench.store!r} {bench.store.describe(key_id)!r}"
    for secret in bench.secrets():
        if secret in shown:
            raise AssertionError("a secret is kept or shown")


def a_deleted_key_is_gone(bench: VendorBench) -> None:
    """Where ending a key is deleting it. One that we held is known to have been ended."""
    key_id, held = bench.new_key(), bench.new_key()
    _suspend(bench, held, "c")
    bench.revoke(key_id)
    bench.revoke(held)
    _equal("refused", _raised(Refused, lambda: bench.store.describe(key_id)).reason, Reason.NOT_FOUND)
    _equal("state", bench.store.describe(held).state, KeyState.REVOKED)
    for act in (lambda: _suspend(bench, held, "c"), lambda: _reinstate(bench, held, "c")):
        _equal("refused", _raised(Refused, act).reason, Reason.ILLEGAL_STATE)


VENDOR_CHECKS: Final[tuple[Callable[[VendorBench], None], ...]] = (
    throttling_is_passed_on,
    a_throttled_suspension_leaves_no_claim,
    a_passing_server_error_is_borne,
    a_lasting_server_error_is_transient,
    a_server_error_on_writing_is_looked_into,
    a_suspension_lost_before_its_effect_is_repeated,
    a_suspension_whose_answer_is_lost_is_seen,
    a_suspension_of_unknown_outcome_is_found_later,
    a_reinstatement_whose_answer_is_lost_is_seen,
    a_lost_reinstatement_is_repeated,
    wrong_credentials_are_fatal,
    a_memory_that_fails_afterwards_is_made_good,
    nothing_is_done_that_cannot_be_remembered,
    the_key_is_as_it_was_before,
    a_persons_release_is_respected,
    an_ended_case_never_suspends_again,
    a_person_in_between_is_noticed,
    of_two_cases_at_once_one_holds_the_key,
    nothing_secret_is_kept_or_shown,
)


# -- where nothing can be undone -------------------------------------------------------------------


def automatic_suspension_is_refused(bench: VendorBench) -> None:
    """One that would have to end by itself."""
    key_id = bench.new_key()
    _equal("reversible", bench.store.capabilities().reversible, False)
    error = _raised(
        Refused, lambda: bench.store.suspend(key_id, case_id="c", reason="", expires_ms=4_000_000_000_000)
    )
    _equal("reason", error.reason, Reason.IRREVERSIBLE)
    _equal("writes", bench.writes(), 0)


def a_person_may_end_the_key(bench: VendorBench) -> None:
    """For good; again answers the same, and nobody can reinstate it."""
    key_id = bench.new_key()
    first = _suspend(bench, key_id, "c")
    _equal("status", (first.state, first.case_id), (KeyState.REVOKED, "c"))
    _equal("stopped", bench.stopped(key_id), True)
    for again in (_suspend(bench, key_id, "c"), bench.store.describe(key_id)):
        _equal("again", (again.state, again.case_id, again.reason), (first.state, "c", first.reason))
    _equal("undone", _raised(Refused, lambda: _reinstate(bench, key_id, "c")).reason, Reason.IRREVERSIBLE)


def a_revocation_whose_answer_is_lost_is_seen(bench: VendorBench) -> None:
    """Gone is gone."""
    key_id = bench.new_key()
    bench.fail(Fault.ANSWER_LOST, write=True)
    _equal("state", _suspend(bench, key_id, "c").state, KeyState.REVOKED)


IRREVERSIBLE_CHECKS: Final[tuple[Callable[[VendorBench], None], ...]] = (
    automatic_suspension_is_refused,
    a_person_may_end_the_key,
    a_revocation_whose_answer_is_lost_is_seen,
    a_passing_server_error_is_borne,
    wrong_credentials_are_fatal,
    nothing_is_done_that_cannot_be_remembered,
    nothing_secret_is_kept_or_shown,
)


def _settled(bench: VendorBench, act: Callable[[], KeyStatus]) -> None:
    """Once, or again where the vendor cannot tell what became of the first."""
    try:
        act()
    except Transient:
        if bench.tells_state:
            raise AssertionError("the vendor could have told what became of it") from None
        act()


def _suspend(bench: VendorBench, key_id: str, case_id: str) -> KeyStatus:
    return bench.store.suspend(key_id, case_id=case_id, reason="spike", expires_ms=None)


def _reinstate(bench: VendorBench, key_id: str, case_id: str) -> KeyStatus:
    return bench.store.reinstate(key_id, case_id=case_id)


def _raised(kind: type[Error], act: Callable[[], object]) -> Error:
    try:
        answer = act()
    except kind as error:
        return error
    raise AssertionError(f"should raise {kind.__name__}, answered {answer}")


def _equal(what: str, actual: object, expected: object) -> None:
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, should be {expected!r}")
