"""Memory that fails, people who act at the vendor, cases that race: what an adapter must make of them."""

from __future__ import annotations

from threading import Barrier, Thread

from domain.errors import KeywatchError, Reason, Refused, Transient
from domain.ports import KeyState, KeyStatus
from keystore.adapters.check_bench import VendorBench, equal, raised, reinstate, suspend


def a_memory_that_fails_afterwards_is_made_good(bench: VendorBench) -> None:
    """The vendor stopped the key and we could not note it down: the next call does."""
    key_id = bench.new_key()
    bench.fail_memory(after=1)
    raised(Transient, lambda: suspend(bench, key_id, "c"))
    equal("stopped", bench.stopped(key_id), True)
    equal("case", suspend(bench, key_id, "c").case_id, "c")
    bench.fail_memory(after=0)
    raised(Transient, lambda: reinstate(bench, key_id, "c"))
    equal("state", reinstate(bench, key_id, "c").state, KeyState.ACTIVE)
    equal("stopped", bench.stopped(key_id), False)


def nothing_is_done_that_cannot_be_remembered(bench: VendorBench) -> None:
    """No memory, no suspension."""
    key_id = bench.new_key()
    bench.fail_memory(after=0)
    raised(Transient, lambda: suspend(bench, key_id, "c"))
    equal("writes", bench.writes(), 0)


def the_key_is_as_it_was_before(bench: VendorBench) -> None:
    """All that the vendor keeps of it, not only its switch."""
    key_id = bench.new_key()
    before = bench.record(key_id)
    suspend(bench, key_id, "c")
    reinstate(bench, key_id, "c")
    equal("record", bench.record(key_id), before)


def a_persons_release_is_respected(bench: VendorBench) -> None:
    """Their case is over, whatever arrives late; a new case may suspend."""
    key_id = bench.new_key()
    suspend(bench, key_id, "case-1")
    bench.release_as_person(key_id)
    equal("described", bench.store.describe(key_id).state, KeyState.ACTIVE)
    equal("late", raised(Refused, lambda: suspend(bench, key_id, "case-1")).reason, Reason.CONFLICT)
    writes = bench.writes()
    equal("reinstated", reinstate(bench, key_id, "case-1").state, KeyState.ACTIVE)
    equal("writes", bench.writes(), writes)
    equal("new case", suspend(bench, key_id, "case-2").case_id, "case-2")


def an_ended_case_never_suspends_again(bench: VendorBench) -> None:
    """A finding that is delivered twice must not undo a reviewer's verdict."""
    key_id = bench.new_key()
    suspend(bench, key_id, "case-1")
    reinstate(bench, key_id, "case-1")
    equal("late", raised(Refused, lambda: suspend(bench, key_id, "case-1")).reason, Reason.CONFLICT)
    equal("stopped", bench.stopped(key_id), False)


def a_person_in_between_is_noticed(bench: VendorBench) -> None:
    """Where the vendor tells of it: the key is theirs."""
    key_id = bench.new_key()
    bench.during_write(lambda: bench.suspend_as_person(key_id))
    if not bench.detects_races:
        return
    equal("refused", raised(Refused, lambda: suspend(bench, key_id, "c")).reason, Reason.NOT_OURS)
    raised(Refused, lambda: reinstate(bench, key_id, "c"))
    equal("stopped", bench.stopped(key_id), True)


def of_two_cases_at_once_one_holds_the_key(bench: VendorBench) -> None:
    """And its reinstatement starts it."""
    key_id = bench.new_key()
    barrier = Barrier(2)
    outcomes: dict[str, KeyStatus | KeywatchError] = {}

    def _suspend_it(case_id: str) -> None:
        barrier.wait()
        try:
            outcomes[case_id] = suspend(bench, key_id, case_id)
        except KeywatchError as error:
            outcomes[case_id] = error

    threads = [Thread(target=_suspend_it, args=(case_id,)) for case_id in ("case-1", "case-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holder = bench.store.describe(key_id).case_id
    equal("a case holds it", holder in outcomes, True)
    equal("its caller knows", isinstance(outcomes[holder], KeyStatus), True)
    (other,) = set(outcomes) - {holder}
    if not isinstance(outcomes[other], KeywatchError):
        raise AssertionError(f"both cases believe that they hold the key: {outcomes}")
    equal("reinstated", reinstate(bench, key_id, holder).state, KeyState.ACTIVE)
    equal("stopped", bench.stopped(key_id), False)


def nothing_secret_is_kept_or_shown(bench: VendorBench) -> None:
    """Neither in what is remembered nor in how the store prints."""
    key_id = bench.new_key()
    suspend(bench, key_id, "c")
    shown = f"{bench.remembered()} {bench.store!r} {bench.store.describe(key_id)!r}"
    for secret in bench.secrets():
        if secret in shown:
            raise AssertionError("a secret is kept or shown")


def a_deleted_key_is_gone(bench: VendorBench) -> None:
    """Where ending a key is deleting it. One that we held is known to have been ended."""
    key_id, held = bench.new_key(), bench.new_key()
    suspend(bench, held, "c")
    bench.revoke(key_id)
    bench.revoke(held)
    equal("refused", raised(Refused, lambda: bench.store.describe(key_id)).reason, Reason.NOT_FOUND)
    equal("state", bench.store.describe(held).state, KeyState.REVOKED)
    for act in (lambda: suspend(bench, held, "c"), lambda: reinstate(bench, held, "c")):
        equal("refused", raised(Refused, act).reason, Reason.ILLEGAL_STATE)
