"""``native``: one JSON object a record, the fields of :class:`domain.event.UsageEvent`."""

from __future__ import annotations

from typing import Final

import msgspec

from domain.event import UsageEvent

_decoder: Final = msgspec.json.Decoder(UsageEvent)


def parse(value: bytes) -> tuple[UsageEvent]:
    """Raises ``msgspec.DecodeError`` on anything that is not one such object."""
    return (_decoder.decode(value),)
