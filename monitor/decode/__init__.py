"""Wire formats: record values to event columns."""

from __future__ import annotations

from typing import Final

from domain.errors import Fatal, Reason
from monitor.decode import cloudtrail, combined, native
from monitor.decode.base import Decoder, EventDecoder, Limits

FORMATS: Final = {"native": native.parse, "cloudtrail": cloudtrail.parse, "combined": combined.parse}


def decoder_for(name: str, limits: Limits) -> Decoder:
    """The decoder of a wire format. Raises ``Fatal`` for a name that is not one."""
    if name not in FORMATS:
        known = ", ".join(sorted(FORMATS))
        raise Fatal(Reason.CONFIG, f"kafka.format: no wire format is called {name!r}; there are {known}")
    return EventDecoder(FORMATS[name], limits)
