"""What the checks of adapters need: a bench with the vendor in our hands, and a few words for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, Protocol, TypeVar

from domain.errors import KeywatchError, Transient
from domain.ports import KeyStatus, KeyStore
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


def settled(bench: VendorBench, act: Callable[[], KeyStatus]) -> None:
    """Once, or again where the vendor cannot tell what became of the first."""
    try:
        act()
    except Transient:
        if bench.tells_state:
            raise AssertionError("the vendor could have told what became of it") from None
        act()


def suspend(bench: VendorBench, key_id: str, case_id: str) -> KeyStatus:
    """As a case would, without an end."""
    return bench.store.suspend(key_id, case_id=case_id, reason="spike", expires_ms=None)


def reinstate(bench: VendorBench, key_id: str, case_id: str) -> KeyStatus:
    """As a reviewer would."""
    return bench.store.reinstate(key_id, case_id=case_id)


def raised(kind: type[Error], act: Callable[[], object]) -> Error:
    """The error of an act, which must be of this kind."""
    try:
        answer = act()
    except kind as error:
        return error
    raise AssertionError(f"should raise {kind.__name__}, answered {answer}")


def equal(what: str, actual: object, expected: object) -> None:
    """Or ``AssertionError``, also where Python runs without asserts."""
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r}, should be {expected!r}")
