"""What the key store has to tell owners goes the way of all other messages to them."""

from __future__ import annotations

from alerting.delivery.dispatch import Dispatch
from alerting.delivery.errands import OwnerEvent
from alerting.silencing import utc
from keystore.notices import Notice, NoticeKind
from keystore.usage import DAY_MS


class OwnerNotices:
    """A :class:`keystore.notices.OwnerNotice`: puts an errand for each way on the agenda, which delivers,
    tries again and counts.
    """

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def send(self, notice: Notice) -> None:
        """Writes to Redis only. The same notice again is the same errand."""
        event = OwnerEvent.EXPIRES if notice.kind is NoticeKind.EXPIRES else OwnerEvent.ROTATED
        self._dispatch.owner_of(notice.key_id, event, _why(notice), notice.at_ms)


def _why(notice: Notice) -> str:
    name = f" ({notice.name})" if notice.name else ""
    if notice.kind is NoticeKind.ROTATED:
        return f"{notice.successor} replaces it{name}; it works until {utc(notice.at_ms)} UTC"
    days = round((notice.at_ms - notice.due_ms) / DAY_MS)
    return f"its life{name} ends within {days} day{'s' if days > 1 else ''}, on {utc(notice.at_ms)} UTC"
