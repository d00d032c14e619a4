"""Lines whose names the operator chose: the field that holds the key id is a setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from domain.errors import Fatal, Reason, Rejected
from domain.event import UsageEvent
from monitor.decode.loose import Loose, decoded, text

KEY_FIELD = "key_id"


class KeyedLine(msgspec.Struct):
    """A line with ``key`` under whatever name."""

    key: Loose | msgspec.UnsetType = msgspec.UNSET


Line = TypeVar("Line", bound=KeyedLine)


def decoder_of(line: type[Line], key_field: str) -> msgspec.json.Decoder[Line]:
    """Decodes ``line`` with its ``key`` under ``key_field``. Raises ``Fatal`` when that name is taken."""
    try:
        named = msgspec.defstruct(
            line.__name__,
            [("key", Loose | msgspec.UnsetType, msgspec.UNSET)],
            bases=(line,),
            rename={"key": key_field},
        )
    except ValueError as error:
        raise Fatal(
            Reason.CONFIG, f"kafka.key_field: {key_field!r} already means something in this format"
        ) from error
    return msgspec.json.Decoder(named)


def parser_of(
    line: type[Line], event_of: Callable[[Line, str], UsageEvent], key_field: str
) -> Callable[[bytes], list[UsageEvent]]:
    """Reads a ``line`` with its key id in ``key_field``, ``key_id`` when empty; no event without a key."""
    name = key_field or KEY_FIELD
    decoder = decoder_of(line, name)

    def parse(value: bytes) -> list[UsageEvent]:
        read = decoded(decoder, value)
        key_id = key_of(read, name)
        return [event_of(read, key_id)] if key_id else []

    return parse


def key_of(line: KeyedLine, key_field: str) -> str:
    """The key id, "" when the request had none. A line without the field at all is ``Rejected``: then the
    gateway does not log it or the setting names another."""
    if line.key is msgspec.UNSET:
        raise Rejected(Reason.MISSING_KEY_ID, f"there is no field {key_field!r}: see kafka.key_field")
    return text(line.key)
