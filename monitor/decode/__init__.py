"""Wire formats: record values to event columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from domain.errors import Fatal, Reason
from domain.event import UsageEvent
from monitor.decode import aws_apigw, cloudtrail, combined, envoy, kong, native, nginx, ocsf
from monitor.decode.base import Decoder, EventDecoder, Limits
from monitor.decode.cloudevents import PREFIX, CloudEventsDecoder

Parse = Callable[[bytes], Sequence[UsageEvent]]

FORMATS: Final[dict[str, Parse]] = {
    "native": native.parse,
    "cloudtrail": cloudtrail.parse,
    "combined": combined.parse,
    "kong": kong.parse,
    "ocsf": ocsf.parse,
}
KEYED: Final[dict[str, Callable[[str], Parse]]] = {
    "aws-apigw": aws_apigw.parser,
    "envoy": envoy.parser,
    "nginx": nginx.parser,
}
"""Formats in which the operator names the field that holds the key id."""


def decoder_for(name: str, limits: Limits, key_field: str = "") -> Decoder:
    """The decoder of a wire format. Raises ``Fatal`` for a name that is not one.

    ``key_field``: where the key id is, for the formats in ``KEYED``; empty for their default.
    """
    inner = name.removeprefix(PREFIX)
    if inner in KEYED:
        decoder = EventDecoder(KEYED[inner](key_field), limits)
    elif inner in FORMATS:
        decoder = EventDecoder(FORMATS[inner], limits)
    else:
        known = ", ".join(sorted([*FORMATS, *KEYED]))
        raise Fatal(
            Reason.CONFIG,
            f"kafka.format: no wire format is called {name!r}; there are {known}, and each of them in a "
            f"CloudEvent as {PREFIX}NAME",
        )
    return CloudEventsDecoder(decoder, limits.max_bytes) if name.startswith(PREFIX) else decoder
