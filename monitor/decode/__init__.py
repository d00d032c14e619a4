"""Wire formats: record values to event columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.errors import Fatal, Reason
from domain.event import UsageEvent
from monitor.decode import aws_apigw, cloudtrail, combined, envoy, kong, native, nginx, ocsf
from monitor.decode.base import Decoder, EventDecoder, Limits
from monitor.decode.cloudevents import PREFIX, CloudEventsDecoder
from monitor.decode.framed import Compile, FramedParser, HeaderFramed, field_paths
from monitor.registry.base import Schemas

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
REGISTERED: Final = ("avro", "protobuf")
"""Formats whose records name a schema, which a registry has."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the settings say of a format: see :class:`monitor.config.KafkaConfig`.

    ``in_headers``: look for a schema's id in the headers first. ``schemas``: where those of a format are.
    """

    key_field: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    in_headers: bool = False
    schemas: Callable[[str], Schemas] | None = None


def decoder_for(name: str, limits: Limits, key_field: str = "", mapped: Mapped | None = None) -> Decoder:
    """The decoder of a wire format. Raises ``Fatal`` for a name that is not one.

    ``key_field``: where the key id is, for the formats in ``KEYED``; empty for their default. ``mapped``:
    more, for the formats in ``REGISTERED``.
    """
    inner = name.removeprefix(PREFIX)
    mapped = mapped or Mapped(key_field)
    if mapped.fields and inner not in REGISTERED:
        raise Fatal(Reason.CONFIG, f"kafka.fields: only {' and '.join(REGISTERED)} take it, not {inner}")
    decoder: Decoder
    if inner in REGISTERED:
        decoder = _registered(inner, limits, mapped)
    elif inner in KEYED:
        decoder = EventDecoder(KEYED[inner](key_field), limits)
    elif inner in FORMATS:
        decoder = EventDecoder(FORMATS[inner], limits)
    else:
        known = ", ".join(sorted([*FORMATS, *KEYED, *REGISTERED]))
        raise Fatal(
            Reason.CONFIG,
            f"kafka.format: no wire format is called {name!r}; there are {known}, and each of them in a "
            f"CloudEvent as {PREFIX}NAME",
        )
    return CloudEventsDecoder(decoder, limits.max_bytes) if name.startswith(PREFIX) else decoder


def _registered(name: str, limits: Limits, mapped: Mapped) -> Decoder:
    if mapped.schemas is None:
        raise Fatal(Reason.CONFIG, f"kafka.format: {name} needs a schema registry: set registry.url")
    paths = field_paths(mapped.key_field, mapped.fields)
    parser = FramedParser(name.upper(), _compiler(name), mapped.schemas(name), paths)
    decoder = EventDecoder(parser, limits)
    return HeaderFramed(decoder) if mapped.in_headers else decoder


def _compiler(name: str) -> Compile:
    try:
        if name == "avro":
            from monitor.decode import avro

            return avro.compiled
        from monitor.decode import protobuf

        return protobuf.compiled
    except ImportError:
        raise Fatal(
            Reason.CONFIG, f"kafka.format: {name} needs more packages: pip install 'keywatch[registry]'"
        ) from None
