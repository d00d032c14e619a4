"""One change of one key: what was read, the vendor's write, and what is remembered around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import msgspec

from domain.errors import KeywatchError, Reason, Refused, Transient
from domain.ports import KeyState
from keystore.adapters.priors import Hold, Overwritten, Phase, PriorStates
from keystore.adapters.rules import is_ours
from keystore.adapters.vendor import Found, Order, Overtaken, Vendor

_UNTOUCHED: Final = (Reason.THROTTLED, Reason.UNREACHABLE)
"""Reasons of a ``Transient`` that mean the vendor did nothing."""


class _Unknown(Transient):
    """Nobody can say whether the write took effect: the intention stays, the next call will see."""


class Change:
    """Reads the key and the hold on it; one of the verbs below may then be called, once.

    A hold is on what is really stopped: two keys of one consumer share it where a vendor stops consumers.
    """

    def __init__(self, vendor: Vendor, priors: PriorStates, key_id: str) -> None:
        self._vendor = vendor
        self._priors = priors
        self._key_id = key_id
        self._unit = key_id
        self.hold = priors.get(key_id)
        try:
            found = vendor.read(key_id)
            if found.unit:
                self._unit = found.unit
                self.hold = priors.get(self._unit)
                found = vendor.read(key_id)
        except Refused as error:
            found = self._gone(error)
        if priors.get(self._unit) != self.hold:  # changed while the vendor answered: both are to be read anew
            raise Overwritten(self._unit)
        self.found = _remembered(found, self.hold)

    def confirm_stopped(self) -> Hold | None:
        """The key is stopped and ours; an intention whose outcome was unknown becomes a hold."""
        hold = self.hold
        if hold is None or hold.phase is not Phase.INTENDED or not is_ours(hold, self.found):
            return hold
        return self._put(hold, hold, Phase.HELD)

    def take_over(self, wanted: Hold) -> Hold:
        """The next case holds the key, which stays stopped as it is."""
        held = self.hold or wanted
        return self._put(
            self.hold, msgspec.structs.replace(wanted, mark=held.mark, prior=held.prior), Phase.HELD
        )

    def stop(self, wanted: Hold) -> Hold:
        """Stop the key. A write that surely did not happen leaves no trace."""
        intended = self._put(
            self.hold, msgspec.structs.replace(wanted, prior=self.found.prior), Phase.INTENDED
        )
        order = Order(self.found, intended)
        try:
            self._settle(KeyState.SUSPENDED, intended, lambda: self._vendor.stop(order))
        except _Unknown:
            raise
        except Overtaken:
            if not self.found.told:
                return self._already_stopped(intended)
            self._put_back(intended)
            raise
        except KeywatchError:
            self._put_back(intended)
            raise
        return self._put(intended, intended, Phase.HELD)

    def start(self) -> Hold:
        """Start a key that we hold."""
        hold = self.hold
        if hold is None:
            raise AssertionError("only a key that we hold is started")
        order = Order(self.found, hold)
        try:
            self._settle(KeyState.ACTIVE, hold, lambda: self._vendor.start(order))
        except Overtaken:
            if self.found.told:
                raise
        return self.let_go()

    def let_go(self) -> Hold:
        """Remember that we hold the key no more, and for which case we did."""
        if self.hold is None:
            raise AssertionError("there is nothing to let go")
        return self._put(self.hold, self.hold, Phase.RELEASED)

    # ------------------------------------------------------------------------------------------------

    def _settle(self, goal: KeyState, hold: Hold, write: Callable[[], None]) -> None:
        """Do the write; when its outcome is unknown, look whether it took effect."""
        try:
            write()
        except Transient as error:
            if error.reason in _UNTOUCHED:
                raise
            if not self._became(goal, hold):
                raise _Unknown(error.reason, str(error), error.retry_after_s) from error

    def _became(self, goal: KeyState, hold: Hold) -> bool:
        try:
            now = self._vendor.read(self._key_id)
        except Refused as error:
            return error.reason is Reason.NOT_FOUND and not self._vendor.capabilities.reversible
        except KeywatchError:
            return False
        return now.told and now.state is goal and (goal is KeyState.ACTIVE or is_ours(hold, now))

    def _gone(self, error: Refused) -> Found:
        """A key that we stopped and that is gone since was ended at the vendor."""
        hold = self.hold
        if error.reason is not Reason.NOT_FOUND or hold is None or not hold.holds:
            raise error
        reversible = self._vendor.capabilities.reversible
        return Found(self._key_id, KeyState.REVOKED if reversible else KeyState.SUSPENDED)

    def _already_stopped(self, intended: Hold) -> Hold:
        """The vendor says that the key is stopped already, and cannot say by whom: by us, if we had asked
        for it before and not heard the answer.
        """
        before = self.hold
        if before is not None and before.phase is Phase.INTENDED and before.case_id == intended.case_id:
            return self._put(intended, intended, Phase.HELD)
        self._put_back(intended)
        raise Refused(
            Reason.NOT_OURS,
            f"cannot suspend key {self._key_id!r}: {self._vendor.name} says that somebody else did",
        )

    def _put(self, before: Hold | None, hold: Hold, phase: Phase) -> Hold:
        written = hold.follows(before, phase)
        self._priors.put(self._unit, written)
        return written

    def _put_back(self, intended: Hold) -> None:
        """Forget the intention. If that fails, the next call finds the key not stopped, and tries again."""
        before = self.hold or Hold(case_id="", phase=Phase.RELEASED, version=0, since_ms=intended.since_ms)
        try:
            self._put(intended, before, before.phase)
        except KeywatchError:
            return


def _remembered(found: Found, hold: Hold | None) -> Found:
    """Where the vendor cannot tell a key's state, it is as we left it."""
    if not found.told and hold is not None and hold.phase is Phase.HELD:
        return replace(found, state=KeyState.SUSPENDED)
    return found
