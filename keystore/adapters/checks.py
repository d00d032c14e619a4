"""What every adapter must do beside :mod:`keystore.checks`: bear faults, races, and what people do meanwhile.

Run every function of :data:`VENDOR_CHECKS` on a fresh bench, :func:`a_deleted_key_is_gone` where ending a
key is deleting it, and :data:`IRREVERSIBLE_CHECKS` instead where a suspension cannot be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from domain.errors import Reason, Refused
from domain.ports import KeyState
from keystore.adapters.check_bench import Fault, VendorBench, equal, raised, reinstate, suspend
from keystore.adapters.check_faults import (
    a_lasting_server_error_is_transient,
    a_lost_reinstatement_is_repeated,
    a_passing_server_error_is_borne,
    a_reinstatement_whose_answer_is_lost_is_seen,
    a_server_error_on_writing_is_looked_into,
    a_suspension_lost_before_its_effect_is_repeated,
    a_suspension_of_unknown_outcome_is_found_later,
    a_suspension_whose_answer_is_lost_is_seen,
    a_throttled_suspension_leaves_no_claim,
    throttling_is_passed_on,
    wrong_credentials_are_fatal,
)
from keystore.adapters.check_people import (
    a_memory_that_fails_afterwards_is_made_good,
    a_person_in_between_is_noticed,
    a_persons_release_is_respected,
    an_ended_case_never_suspends_again,
    nothing_is_done_that_cannot_be_remembered,
    nothing_secret_is_kept_or_shown,
    of_two_cases_at_once_one_holds_the_key,
    the_key_is_as_it_was_before,
)

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
    equal("reversible", bench.store.capabilities().reversible, False)
    error = raised(
        Refused, lambda: bench.store.suspend(key_id, case_id="c", reason="", expires_ms=4_000_000_000_000)
    )
    equal("reason", error.reason, Reason.IRREVERSIBLE)
    equal("writes", bench.writes(), 0)


def a_person_may_end_the_key(bench: VendorBench) -> None:
    """For good; again answers the same, and nobody can reinstate it."""
    key_id = bench.new_key()
    first = suspend(bench, key_id, "c")
    equal("status", (first.state, first.case_id), (KeyState.REVOKED, "c"))
    equal("stopped", bench.stopped(key_id), True)
    for again in (suspend(bench, key_id, "c"), bench.store.describe(key_id)):
        equal("again", (again.state, again.case_id, again.reason), (first.state, "c", first.reason))
    equal("undone", raised(Refused, lambda: reinstate(bench, key_id, "c")).reason, Reason.IRREVERSIBLE)


def a_revocation_whose_answer_is_lost_is_seen(bench: VendorBench) -> None:
    """Gone is gone."""
    key_id = bench.new_key()
    bench.fail(Fault.ANSWER_LOST, write=True)
    equal("state", suspend(bench, key_id, "c").state, KeyState.REVOKED)


IRREVERSIBLE_CHECKS: Final[tuple[Callable[[VendorBench], None], ...]] = (
    automatic_suspension_is_refused,
    a_person_may_end_the_key,
    a_revocation_whose_answer_is_lost_is_seen,
    a_passing_server_error_is_borne,
    wrong_credentials_are_fatal,
    nothing_is_done_that_cannot_be_remembered,
    nothing_secret_is_kept_or_shown,
)
