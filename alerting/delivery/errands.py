"""The items of the agenda: what a worker can be sent to do. Each carries all it needs but the state."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from domain.notice import Notice


class OwnerEvent(StrEnum):
    """What the owner of a key is told of."""

    SUSPENDED = "key.suspended"
    REINSTATED = "key.reinstated"
    REVOKED = "key.revoked"
    ROTATE = "key.rotation_requested"
    EXPIRES = "key.expires"
    ROTATED = "key.rotated"


class TellIncident(msgspec.Struct, frozen=True, kw_only=True, tag="incident"):
    """Bring an incident's message at one destination up to date."""

    incident_id: str
    to: str


class TellNotice(msgspec.Struct, frozen=True, kw_only=True, tag="notice"):
    """Tell one destination of something."""

    notice: Notice
    to: str


class TellOwner(msgspec.Struct, frozen=True, kw_only=True, tag="owner"):
    """Tell the owner of a key by one way, ``email`` or ``webhook``."""

    case_id: str
    key_id: str
    event: OwnerEvent
    why: str
    way: str
    expires_ms: int | None = None


class Remind(msgspec.Struct, frozen=True, kw_only=True, tag="remind"):
    """See whether nobody has acted on an incident, for the ``number``-th time."""

    incident_id: str
    number: int


class TellReminder(msgspec.Struct, frozen=True, kw_only=True, tag="reminder"):
    """Say so at one destination; ``minutes`` have passed since the first message."""

    incident_id: str
    number: int
    minutes: int
    to: str
    escalated: bool


class ActName(StrEnum):
    """What a button does."""

    REINSTATE = "reinstate"
    CONFIRM = "confirm"
    ROTATE = "rotate"
    FALSE_POSITIVE = "false_positive"
    SILENCE = "silence"


class Act(msgspec.Struct, frozen=True, kw_only=True, tag="act"):
    """Carry out what a person asked for. ``cases`` maps case ids to the stamp of what the person saw;
    without one all open cases of the incident are meant. ``answer_to`` is the channel and user to answer.
    """

    act: ActName
    incident_id: str
    who: str
    why: str
    cases: dict[str, str]
    hours: int = 0
    answer_to: tuple[str, str] = ("", "")


Errand = TellIncident | TellNotice | TellOwner | Remind | TellReminder | Act
_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(Errand).decode


def item_of(errand: Errand) -> str:
    """The errand as an agenda item: equal errands are one item."""
    return _encode(errand).decode()


def errand_of(item: str) -> Errand:
    """Inverse of :func:`item_of`."""
    return _decode(item)


def destination_of(errand: Errand) -> str:
    """Who hears of it: a destination's name, or what stands for one in counters."""
    match errand:
        case TellIncident() | TellNotice() | TellReminder():
            return errand.to
        case TellOwner():
            return f"owner-{errand.way}"
        case Remind():
            return "reminders"
        case Act():
            return "acts"
