"""``native``: one JSON object a record, the fields of :class:`domain.event.UsageEvent`."""

from __future__ import annotations

from typing import Final

import msgspec

from domain.event import UsageEvent
from monitor.decode.loose import decoded

_decoder: Final = msgspec.json.Decoder(UsageEvent)


def parse(value: bytes) -> tuple[UsageEvent]:
    """Raises ``msgspec.DecodeError`` on anything that is not one such object."""
    return (decoded(_decoder, value),)
