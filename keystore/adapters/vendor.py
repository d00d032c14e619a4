"""What a vendor's API must be able to do, so that :mod:`keystore.adapters.store` can drive it.

An adapter reads one key, stops it, and starts it again. When to do which, what to remember and what to
make of a lost answer is the same for all of them and is decided in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from domain.ports import Capabilities, KeyState
from keystore.adapters.priors import Hold


@dataclass(frozen=True, slots=True)
class Found:
    """A key as its vendor has it at this moment."""

    key_id: str
    state: KeyState
    unit: str = ""
    """What is really stopped when that is more than this key, such as its consumer; "" is the key."""
    told: bool = True
    """False: this vendor cannot tell a key's state, and what we remember must do."""
    prior: str = ""
    """What :meth:`Vendor.start` needs to restore the key exactly, in the vendor's words. Never a secret."""
    mark: str | None = None
    """Who stopped the key, as left there by :meth:`Vendor.stop`; None: the vendor has no place for it."""
    tenant: str = ""
    owner: str = ""
    raw: Any = field(default=None, repr=False, compare=False)
    """The vendor's own answer, for the write that follows. May hold secrets: never kept, never shown."""


@dataclass(frozen=True, slots=True)
class Order:
    """A change of a key as it was found. ``hold`` says for whom, what mark to leave, how the key was."""

    found: Found
    hold: Hold


class Overtaken(Exception):
    """The vendor refused a write because the key is no longer as it was read; nothing was changed.

    Also when it says that the key already is what was asked for. Read again, then decide.
    """


class Vendor(Protocol):
    """One vendor's keys. Calls block for one or a few requests.

    All raise ``Refused(NOT_FOUND)``, ``Transient`` or ``Fatal(CREDENTIALS)`` as the port says. A
    ``Transient`` of a write leaves its outcome unknown, except ``THROTTLED`` and ``UNREACHABLE``:
    those say that the vendor did nothing.
    """

    name: str
    """For messages: "Kong"."""
    setting: str
    """Where the credential is configured: "keystore.kong"."""
    capabilities: Capabilities

    def read(self, key_id: str) -> Found:
        """The key now."""

    def stop(self, order: Order) -> None:
        """Have the vendor refuse the key. Raises :class:`Overtaken`."""

    def start(self, order: Order) -> None:
        """Have it accepted again, as it was before. Raises :class:`Overtaken`."""

    def warnings(self) -> Sequence[str]:
        """What is set up so at the vendor that stopping a key would not help; empty when all is well."""
