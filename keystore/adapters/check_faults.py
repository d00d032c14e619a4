"""Lost messages, refusals and overload at a vendor's: what an adapter must make of them."""

from __future__ import annotations

from domain.errors import Fatal, Reason, Refused, Transient
from domain.ports import KeyState
from keystore.adapters.check_bench import (
    RETRY_AFTER_S,
    Fault,
    VendorBench,
    equal,
    raised,
    reinstate,
    settled,
    suspend,
)


def throttling_is_passed_on(bench: VendorBench) -> None:
    """With the wait that the vendor asks for; the caller decides whether to sleep."""
    key_id = bench.new_key()
    wanted = RETRY_AFTER_S if bench.tells_when else None
    for write in (False, True):
        bench.fail(Fault.THROTTLED, write=write, times=1 if bench.tells_when else 3)
        error = raised(Transient, lambda: suspend(bench, key_id, "case-1"))
        equal("reason", error.reason, Reason.THROTTLED)
        equal("wait", error.retry_after_s, wanted)
        equal("stopped", bench.stopped(key_id), False)
    equal("state afterwards", suspend(bench, key_id, "case-1").state, KeyState.SUSPENDED)


def a_throttled_suspension_leaves_no_claim(bench: VendorBench) -> None:
    """What a person does after it is that person's."""
    key_id = bench.new_key()
    bench.fail(Fault.THROTTLED, write=True, times=1 if bench.tells_when else 3)
    raised(Transient, lambda: suspend(bench, key_id, "case-1"))
    bench.suspend_as_person(key_id)
    equal("refused", raised(Refused, lambda: suspend(bench, key_id, "case-1")).reason, Reason.NOT_OURS)
    equal("refused", raised(Refused, lambda: reinstate(bench, key_id, "case-1")).reason, Reason.NOT_OURS)
    equal("stopped", bench.stopped(key_id), True)


def a_passing_server_error_is_borne(bench: VendorBench) -> None:
    """Reads are tried again, within bounds."""
    key_id = bench.new_key()
    bench.fail(Fault.SERVER_ERROR, write=False, times=2)
    equal("state", bench.store.describe(key_id).state, KeyState.ACTIVE)


def a_lasting_server_error_is_transient(bench: VendorBench) -> None:
    """And changes nothing."""
    key_id = bench.new_key()
    for act in (
        lambda: bench.store.describe(key_id),
        lambda: suspend(bench, key_id, "c"),
        lambda: reinstate(bench, key_id, "c"),
    ):
        bench.fail(Fault.SERVER_ERROR, write=False, times=3)
        equal("reason", raised(Transient, act).reason, Reason.SERVER_ERROR)
    equal("writes", bench.writes(), 0)


def a_server_error_on_writing_is_looked_into(bench: VendorBench) -> None:
    """Nothing happened, so it is not claimed; calling again does it."""
    key_id = bench.new_key()
    bench.fail(Fault.SERVER_ERROR, write=True)
    equal("reason", raised(Transient, lambda: suspend(bench, key_id, "c")).reason, Reason.SERVER_ERROR)
    equal("described", bench.store.describe(key_id).state, KeyState.ACTIVE)
    equal("state", suspend(bench, key_id, "c").state, KeyState.SUSPENDED)
    equal("stopped", bench.stopped(key_id), True)


def a_suspension_lost_before_its_effect_is_repeated(bench: VendorBench) -> None:
    """The caller calls again, and it is done once."""
    key_id = bench.new_key()
    bench.fail(Fault.REQUEST_LOST, write=True)
    equal("reason", raised(Transient, lambda: suspend(bench, key_id, "c")).reason, Reason.TIMEOUT)
    equal("stopped", bench.stopped(key_id), False)
    equal("state", suspend(bench, key_id, "c").case_id, "c")
    equal("writes", bench.writes(), 2)
    equal("reinstated", reinstate(bench, key_id, "c").state, KeyState.ACTIVE)


def a_suspension_whose_answer_is_lost_is_seen(bench: VendorBench) -> None:
    """Nobody is told that it failed, and it is not written twice."""
    key_id = bench.new_key()
    before = bench.record(key_id)
    bench.fail(Fault.ANSWER_LOST, write=True)
    settled(bench, lambda: suspend(bench, key_id, "c"))
    equal("stopped", bench.stopped(key_id), True)
    equal("case", bench.store.describe(key_id).case_id, "c")
    reinstate(bench, key_id, "c")
    equal("record", bench.record(key_id), before)


def a_suspension_of_unknown_outcome_is_found_later(bench: VendorBench) -> None:
    """The answer is lost, and so is the look after it."""
    key_id = bench.new_key()
    bench.fail(Fault.ANSWER_LOST, write=True)
    bench.during_write(lambda: bench.fail(Fault.SERVER_ERROR, write=False, times=3))
    raised(Transient, lambda: suspend(bench, key_id, "c"))
    equal("case", suspend(bench, key_id, "c").case_id, "c")
    equal("stopped", bench.stopped(key_id), True)
    equal("reinstated", reinstate(bench, key_id, "c").state, KeyState.ACTIVE)
    equal("stopped", bench.stopped(key_id), False)


def a_reinstatement_whose_answer_is_lost_is_seen(bench: VendorBench) -> None:
    """The reviewer's click counts once."""
    key_id = bench.new_key()
    suspend(bench, key_id, "c")
    bench.fail(Fault.ANSWER_LOST, write=True)
    settled(bench, lambda: reinstate(bench, key_id, "c"))
    equal("stopped", bench.stopped(key_id), False)
    equal("again", reinstate(bench, key_id, "c").state, KeyState.ACTIVE)


def a_lost_reinstatement_is_repeated(bench: VendorBench) -> None:
    """The key is ours until it is done."""
    key_id = bench.new_key()
    suspend(bench, key_id, "c")
    bench.fail(Fault.REQUEST_LOST, write=True)
    raised(Transient, lambda: reinstate(bench, key_id, "c"))
    equal("stopped", bench.stopped(key_id), True)
    equal("again", reinstate(bench, key_id, "c").state, KeyState.ACTIVE)
    equal("stopped", bench.stopped(key_id), False)


def wrong_credentials_are_fatal(bench: VendorBench) -> None:
    """They say which setting to look at, and nothing of the credential."""
    key_id = bench.new_key()
    store = bench.stranger()
    for act in (
        lambda: store.describe(key_id),
        lambda: store.suspend(key_id, case_id="c", reason="", expires_ms=None),
    ):
        error = raised(Fatal, act)
        equal("reason", error.reason, Reason.CREDENTIALS)
        if "keystore." not in str(error):
            raise AssertionError(f"names no setting: {error}")
        for secret in bench.secrets():
            if secret in str(error):
                raise AssertionError("the error shows a secret")
    equal("stopped", bench.stopped(key_id), False)
