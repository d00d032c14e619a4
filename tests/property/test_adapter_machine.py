"""Cases, people, lost messages and failing memory in any order: what may never happen to a key at a vendor's.

The vendor here is a switch with a mark, in memory. It counts who turned the switch, so that the rule
"never start what a person stopped" can be held to every history.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.clock import ManualClock
from domain.errors import KeywatchError, Reason, Refused, Transient
from domain.ports import Capabilities, Granularity, KeyState, KeyStatus
from keystore.adapters.check_bench import Fault
from keystore.adapters.priors import Hold, MemoryPriorStates
from keystore.adapters.store import VendorKeyStore
from keystore.adapters.vendor import Found, Order, Overtaken

CASES = st.sampled_from(["case-1", "case-2", "case-3"])
FAULTS = st.sampled_from([*Fault, None, None, None])
KEY = "k"


class Switch:
    """A vendor with one key. ``by`` is who stopped it: "" for nobody, a mark, or "person"."""

    name = "Switch"
    setting = "keystore.switch"
    capabilities = Capabilities(True, Granularity.KEY, 0.0)

    def __init__(self) -> None:
        self.by = ""
        self.fault: Fault | None = None
        self.started_a_persons = False

    def read(self, key_id: str) -> Found:
        return Found(key_id, KeyState.SUSPENDED if self.by else KeyState.ACTIVE, mark=self.by)

    def stop(self, order: Order) -> None:
        def act() -> None:
            if self.by:
                raise Overtaken("stopped already")
            self.by = order.hold.mark

        self._write(act)

    def start(self, order: Order) -> None:
        def act() -> None:
            self.started_a_persons |= self.by == "person"
            self.by = ""

        self._write(act)

    def warnings(self) -> Sequence[str]:
        return []

    def _write(self, act: object) -> None:
        fault, self.fault = self.fault, None
        if fault is Fault.THROTTLED:
            raise Transient(Reason.THROTTLED, "429")
        if fault is Fault.SERVER_ERROR:
            raise Transient(Reason.SERVER_ERROR, "500")
        if fault is not Fault.REQUEST_LOST:
            assert callable(act)
            act()
        if fault is not None:
            raise Transient(Reason.TIMEOUT, "lost")


class Memory(MemoryPriorStates):
    """Fails when told, before or after it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Fault | None = None

    def put(self, unit: str, hold: Hold) -> None:
        fault, self.fault = self.fault, None
        if fault in (Fault.SERVER_ERROR, Fault.REQUEST_LOST):
            raise Transient(Reason.UNREACHABLE, "no Redis")
        super().put(unit, hold)
        if fault is Fault.ANSWER_LOST:
            raise Transient(Reason.TIMEOUT, "no answer")


class Adapter(RuleBasedStateMachine):
    """``ended``: cases whose suspension is over; they may never suspend again."""

    def __init__(self) -> None:
        super().__init__()
        self.vendor, self.memory, self.clock = Switch(), Memory(), ManualClock(1000)
        self.store = VendorKeyStore(self.vendor, self.memory, self.clock)
        self.ended: set[str] = set()

    @rule(case_id=CASES, fault=FAULTS, forgetful=FAULTS, ends=st.booleans())
    def suspend(self, case_id: str, fault: Fault | None, forgetful: Fault | None, ends: bool) -> None:
        """An answer is a promise: the key is stopped, for this case."""
        by, ends_ms = self.vendor.by, int(self.clock.now() * 1000) + 5000 if ends else None
        self.vendor.fault, self.memory.fault = fault, forgetful
        try:
            status = self.store.suspend(KEY, case_id=case_id, reason="r", expires_ms=ends_ms)
        except KeywatchError:
            assert self.vendor.by in (by, f"keywatch-{case_id}")
        else:
            assert (status.state, status.case_id) == (KeyState.SUSPENDED, case_id)
            assert self.vendor.by.startswith("keywatch-")
            assert case_id not in self.ended
        self._calm()

    @rule()
    def time_passes(self) -> None:
        self.clock.advance(5)

    @rule(stop=st.booleans(), fault=FAULTS, forgetful=FAULTS)
    def person_acts_here(self, stop: bool, fault: Fault | None, forgetful: Fault | None) -> None:
        """Through keywatch, which takes the key from its case, and starts none that was stopped elsewhere."""
        by = self.vendor.by
        self.vendor.fault, self.memory.fault = fault, forgetful
        act = self.store.suspend_manually if stop else self.store.reinstate_manually
        try:
            status = act(KEY, "ada", "r")
        except Refused:
            assert self.vendor.by == by
        except KeywatchError:
            pass
        else:
            assert (status.state, status.case_id) == (
                (KeyState.SUSPENDED, "") if stop else (KeyState.ACTIVE, "")
            )
        self._calm()

    @rule(case_id=CASES, fault=FAULTS, forgetful=FAULTS)
    def reinstate(self, case_id: str, fault: Fault | None, forgetful: Fault | None) -> None:
        """An answer is a promise here too; a refusal changes nothing."""
        by = self.vendor.by
        self.vendor.fault, self.memory.fault = fault, forgetful
        try:
            status = self.store.reinstate(KEY, case_id=case_id)
        except Refused:
            assert self.vendor.by == by
        except KeywatchError:
            assert self.vendor.by in (by, "")
        else:
            assert status.state is KeyState.ACTIVE
            assert self.vendor.by == ""
            self.ended.add(case_id)
        self._calm()

    @rule()
    def person_stops(self) -> None:
        self.vendor.by = "person"

    @rule()
    def person_starts(self) -> None:
        self.vendor.by = ""

    @precondition(lambda self: self.vendor.by == "person")
    @rule(case_id=CASES)
    def a_persons_key_is_refused(self, case_id: str) -> None:
        for act in (
            lambda: self.store.suspend(KEY, case_id=case_id, reason="r", expires_ms=None),
            lambda: self.store.reinstate(KEY, case_id=case_id),
        ):
            assert refused(act) is Reason.NOT_OURS

    @invariant()
    def nobody_started_what_a_person_stopped(self) -> None:
        assert not self.vendor.started_a_persons

    @invariant()
    def what_is_described_is_so(self) -> None:
        status = self.store.describe(KEY)
        assert status.state is (KeyState.SUSPENDED if self.vendor.by else KeyState.ACTIVE)
        if status.case_id:
            assert self.vendor.by.startswith("keywatch-")

    @invariant()
    def a_key_that_keywatch_stopped_can_be_let_go(self) -> None:
        """Nothing that we stopped is ever stuck: we know that we did."""
        if self.vendor.by.startswith("keywatch-"):
            hold = self.memory.get(KEY)
            assert hold is not None
            assert hold.holds
            assert hold.mark == self.vendor.by

    def _calm(self) -> None:
        self.vendor.fault = self.memory.fault = None


def refused(act: object) -> Reason:
    assert callable(act)
    try:
        answer: KeyStatus = act()
    except Refused as error:
        return error.reason
    raise AssertionError(f"answered {answer}")


TestAdapter = Adapter.TestCase
TestAdapter.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
