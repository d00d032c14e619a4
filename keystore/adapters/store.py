"""The key store port over any vendor's API: reads before it writes, and remembers what it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from domain.clock import Clock
from domain.errors import Reason, Refused, Rejected, Transient
from domain.ports import Audit, Capabilities, Granularity, KeyState, KeyStatus
from keystore.adapters.change import Change
from keystore.adapters.priors import Hold, Overwritten, PriorStates, wanted_hold
from keystore.adapters.rules import Step, is_ours, on_reinstate, on_suspend
from keystore.adapters.vendor import Found, Overtaken, Vendor
from keystore.arguments import check_key_id, check_text

READINGS: Final = 4
"""How often a key is read anew when others change it at the same time, before the caller must wait."""
WARN_BEFORE_S: Final = 5 * 86_400.0
"""How long before a suspension becomes final people are warned."""


class VendorKeyStore:
    """Drives a :class:`keystore.adapters.vendor.Vendor`; safe to share between threads and replicas.

    Suspending is three writes: what is intended, the vendor, what was done. Whatever is lost in between,
    calling again finds out what happened and finishes it. What cannot be known: where a vendor keeps
    neither version nor mark, a person's own suspension in the instant between our reading and our
    writing, or while the outcome of our write is unknown, is taken for ours.

    Parameters
    ----------
    audit
        For what people do through :meth:`suspend_manually` and :meth:`reinstate_manually`; what cases do
        is audited by their callers.
    """

    def __init__(self, vendor: Vendor, priors: PriorStates, clock: Clock, audit: Audit | None = None) -> None:
        self._vendor = vendor
        self._priors = priors
        self._clock = clock
        self._audit = audit

    # -- the port ------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        """As the vendor has them."""
        return self._vendor.capabilities

    def describe(self, key_id: str) -> KeyStatus:
        """The key as the vendor has it now, with the case that holds it."""
        return self._repeated(key_id, lambda change: self._status(change.found, change.hold))

    def suspend(self, key_id: str, *, case_id: str, reason: str, expires_ms: int | None) -> KeyStatus:
        """Stop the key for a case.

        Raises ``Refused(CONFLICT)`` while another case holds it, and for a case that was ended before;
        ``Refused(IRREVERSIBLE)`` where the end that is asked for could not be kept.
        """
        check_text("case id", case_id, required=True)
        self._check_end(expires_ms)
        wanted = wanted_hold(key_id, self._now_ms(), case_id, reason=reason, expires_ms=expires_ms)
        return self._repeated(key_id, lambda change: self._suspend(change, wanted))

    def reinstate(self, key_id: str, *, case_id: str) -> KeyStatus:
        """Undo the suspension of this case, and no other."""
        check_text("case id", case_id, required=True)
        return self._repeated(key_id, lambda change: self._reinstate(change, case_id))

    # -- people, and the daemon ----------------------------------------------------------------------

    def suspend_manually(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """A person stops the key until a person lets it go; a case that held it no longer does."""
        check_text("by", by, required=True)
        self._write_audit("suspend", key_id, by, reason)
        wanted = wanted_hold(key_id, self._now_ms(), "", by=by, reason=reason)
        return self._repeated(key_id, lambda change: self._suspend(change, wanted))

    def reinstate_manually(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """A person lets the key go, whichever case held it. What was turned off at the vendor stays so."""
        check_text("by", by, required=True)
        self._write_audit("reinstate", key_id, by, reason)
        return self._repeated(key_id, lambda change: self._reinstate(change, ""))

    def revoke(self, key_id: str, by: str, reason: str) -> KeyStatus:
        """End the key for good, where stopping it is just that; elsewhere ``Refused(DENIED)``."""
        if not self._vendor.capabilities.revokes:
            raise Refused(
                Reason.DENIED,
                f"keywatch suspends keys at {self._vendor.name} and deletes none: end key {key_id!r} there",
            )
        return self.suspend_manually(key_id, by, reason)

    def held(self) -> Sequence[str]:
        """Ids of the keys that keywatch keeps stopped."""
        return [hold.key_id or unit for unit, hold in self._holds()]

    def warnings(self) -> Sequence[str]:
        """What to see to: at the vendor, and suspensions that soon cannot be undone."""
        return [*self._vendor.warnings(), *self._ageing()]

    # -- what they share -----------------------------------------------------------------------------

    def _suspend(self, change: Change, wanted: Hold) -> KeyStatus:
        match on_suspend(change.hold, change.found, wanted.case_id, self._now_ms()):
            case Step.DONE:
                return self._status(change.found, change.confirm_stopped())
            case Step.TAKE_OVER:
                return self._status(change.found, change.take_over(wanted))
            case Step.STOP:
                held = change.stop(wanted)
                return self._status(replace(change.found, state=KeyState.SUSPENDED, mark=None), held)
            case Step.WAIT:
                raise self._busy(change)
            case reason:
                raise self._refusal("suspend", reason, change)

    def _reinstate(self, change: Change, case_id: str) -> KeyStatus:
        if not self._vendor.capabilities.reversible:
            raise Refused(
                Reason.IRREVERSIBLE, f"{self._vendor.name} cannot undo a suspension: give the owner a new key"
            )
        match on_reinstate(change.hold, change.found, case_id, self._now_ms()):
            case Step.DONE:
                return self._status(change.found, change.hold)
            case Step.LET_GO:
                return self._status(change.found, change.let_go())
            case Step.START:
                released = change.start()
                return self._status(replace(change.found, state=KeyState.ACTIVE), released)
            case Step.WAIT:
                raise self._busy(change)
            case reason:
                raise self._refusal("reinstate", reason, change)

    def _repeated(self, key_id: str, act: Callable[[Change], KeyStatus]) -> KeyStatus:
        """Read and decide anew while somebody else changes the key."""
        for _ in range(READINGS):
            try:
                return act(self._change(key_id))
            except (Overtaken, Overwritten):
                continue
        raise Transient(
            Reason.CONFLICT, f"key {key_id!r} is being changed by others at {self._vendor.name}: try again"
        )

    def _change(self, key_id: str) -> Change:
        try:
            check_key_id(key_id)
        except Rejected as error:
            raise Refused(Reason.NOT_FOUND, f"{self._vendor.name} has no such key: {error}") from error
        return Change(self._vendor, self._priors, key_id)

    def _status(self, found: Found, hold: Hold | None) -> KeyStatus:
        state, ours = found.state, is_ours(hold, found)
        held = hold if hold is not None and ours and state is not KeyState.ACTIVE else None
        if state is KeyState.SUSPENDED and not self._vendor.capabilities.reversible:
            state = KeyState.REVOKED
        return KeyStatus(
            key_id=found.key_id,
            state=state,
            case_id=held.case_id if held else "",
            reason=held.reason if held else "",
            tenant=found.tenant,
            owner=found.owner,
            expires_ms=held.expires_ms if held else None,
        )

    # -- guards --------------------------------------------------------------------------------------

    def _check_end(self, expires_ms: int | None) -> None:
        """An automatic suspension always has an end, and a store that cannot keep it must not begin."""
        capabilities, name = self._vendor.capabilities, self._vendor.name
        if expires_ms is None:
            return
        if not capabilities.reversible:
            raise Refused(
                Reason.IRREVERSIBLE,
                f"{name} cannot undo a suspension, so none is made automatically: a person must decide "
                "(keywatch keys suspend)",
            )
        limit_s = capabilities.undo_within_s
        if limit_s is not None and expires_ms > self._now_ms() + int(limit_s * 1000):
            days = limit_s / 86_400
            raise Refused(
                Reason.IRREVERSIBLE,
                f"{name} can undo a suspension for {days:.0f} days only: set suspension_hours below that",
            )

    def _ageing(self) -> Sequence[str]:
        limit_s = self._vendor.capabilities.undo_within_s
        if limit_s is None:
            return []
        out = []
        for unit, hold in self._holds():
            left_s = limit_s - (self._now_ms() - hold.since_ms) / 1000
            if left_s < WARN_BEFORE_S:
                out.append(
                    f"{self._vendor.name}: the suspension of {hold.key_id or unit!r} can be undone for "
                    f"{max(left_s, 0) / 86_400:.1f} more days; then the key is gone"
                )
        return out

    def _holds(self) -> list[tuple[str, Hold]]:
        found = [(unit, self._priors.get(unit)) for unit in self._priors.held()]
        return [(unit, hold) for unit, hold in found if hold is not None and hold.holds]

    def _refusal(self, verb: str, reason: Reason | Step, change: Change) -> Refused:
        found, hold, name = change.found, change.hold, self._vendor.name
        holder = "nobody that keywatch knows of"
        if hold is not None and is_ours(hold, found):
            holder = f"case {hold.case_id}" if hold.case_id else hold.by
        if reason is Reason.ILLEGAL_STATE:
            why = f"it is {found.state} at {name}, which is final"
        elif reason is Reason.CONFLICT and found.state is KeyState.ACTIVE:
            why = "this case's suspension was ended before; open a new case"
        else:
            why = f"it is {found.state} at {name}, held by {holder}"
        if self._vendor.capabilities.granularity is Granularity.CONSUMER:
            why += " (with all keys of its consumer)"
        return Refused(Reason(reason.value), f"cannot {verb} key {found.key_id!r}: {why}")

    def _busy(self, change: Change) -> Transient:
        return Transient(
            Reason.CONFLICT,
            f"key {change.found.key_id!r} is just being suspended for another case: try again",
        )

    def _write_audit(self, what: str, key_id: str, by: str, reason: str) -> None:
        if self._audit is not None:
            self._audit.write(who=by, what=what, key_id=key_id, case_id="", why=reason)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
