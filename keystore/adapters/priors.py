"""What is remembered of a key at a vendor's: which case holds it, and how it was before.

Most vendors have a switch and no place to say who turned it. Without this a reinstatement could turn on
a key that a person had turned off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from enum import StrEnum
from threading import Lock
from typing import Final, Protocol

import msgspec

from domain.errors import Reason, Refused
from keystore.arguments import one_line

ENDED_KEPT: Final = 32
"""Findings wait in an outbox for minutes, not for as many cases on one key."""


class Phase(StrEnum):
    """``intended``: written before the vendor is asked, so that a lost answer can be understood."""

    INTENDED = "intended"
    HELD = "held"
    RELEASED = "released"


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One key's last suspension by us. Times are epoch milliseconds.

    ``key_id`` is the key that was suspended, where more than it is stopped. ``version`` grows by one at
    each change. ``case_id`` is "" when a person holds the key through keywatch, named in ``by``. ``mark``
    is what was left at the vendor, ``prior`` how to restore the key. ``ended`` are earlier cases, the
    last :data:`ENDED_KEPT`: they may not suspend again.
    """

    case_id: str
    phase: Phase
    version: int
    since_ms: int
    key_id: str = ""
    by: str = ""
    reason: str = ""
    expires_ms: int | None = None
    mark: str = ""
    prior: str = ""
    ended: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether we stopped the key, or are about to."""
        return self.phase is not Phase.RELEASED

    def has_ended(self, case_id: str) -> bool:
        """Whether a case's suspension is over, provided that the key is not stopped."""
        over = self.case_id == case_id and self.phase is not Phase.INTENDED
        return over or case_id in self.ended

    def follows(self, before: Hold | None, phase: Phase) -> Hold:
        """This hold in a phase, as the next version after another one."""
        version, ended = 1, list[str]()
        if before is not None:
            version, ended = before.version + 1, list(before.ended)
            if before.phase is not Phase.INTENDED and before.case_id not in ("", self.case_id, *ended):
                ended.append(before.case_id)
        return msgspec.structs.replace(self, phase=phase, version=version, ended=tuple(ended[-ENDED_KEPT:]))

    def ran_out(self, now_ms: int) -> bool:
        """Past the end of its suspension."""
        return self.expires_ms is not None and self.expires_ms <= now_ms


def wanted_hold(
    key_id: str, now_ms: int, case_id: str, *, by: str = "", reason: str = "", expires_ms: int | None = None
) -> Hold:
    """A hold to be made. Its mark may be shown at the vendor: letters, digits, ``-`` and ``_`` only."""
    digest = hashlib.blake2b(f"{key_id} {case_id} {now_ms}".encode(), digest_size=8).hexdigest()
    name = case_id if re.fullmatch(r"[A-Za-z0-9_-]{1,48}", case_id) else digest
    return Hold(
        case_id=case_id,
        phase=Phase.INTENDED,
        version=0,
        since_ms=now_ms,
        key_id=key_id,
        by=by,
        reason=one_line(reason),
        expires_ms=expires_ms,
        mark=f"keywatch-{name}",
    )


class Overwritten(Refused):
    """Somebody else changed the hold in between (``CONFLICT``): read again, then decide."""

    def __init__(self, unit: str) -> None:
        super().__init__(
            Reason.CONFLICT, f"key {unit!r} is being suspended or reinstated by somebody else: look again"
        )


class PriorStates(Protocol):
    """Remembers holds by unit (a key id, or what a vendor stops instead); optimistic locking by ``version``.

    Holds no secret and no key material: a key id, a case, a reason and the vendor's own words for how
    the key was.
    """

    def get(self, unit: str) -> Hold | None:
        """The last hold on it. Raises ``Transient``."""

    def put(self, unit: str, hold: Hold) -> None:
        """Write a hold whose version is one more than the stored one (1 for the first).

        The very same hold again changes nothing. Raises :class:`Overwritten`, ``Transient``.
        """

    def held(self) -> Sequence[str]:
        """All units that we hold, in any order."""


class MemoryPriorStates:
    """Gone with its process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holds: dict[str, Hold] = {}

    def get(self, unit: str) -> Hold | None:
        return self._holds.get(unit)

    def put(self, unit: str, hold: Hold) -> None:
        with self._lock:
            stored = self._holds.get(unit)
            if stored == hold:
                return
            if (stored.version if stored else 0) + 1 != hold.version:
                raise Overwritten(unit)
            self._holds[unit] = hold

    def held(self) -> Sequence[str]:
        with self._lock:
            return [unit for unit, hold in self._holds.items() if hold.holds]
