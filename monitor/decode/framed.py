"""Values that begin with the id of their schema, as Confluent's serializers write them.

0x00 and the id in four bytes, or 0x01 and a GUID in sixteen; the latter may stand in the header
``__value_schema_id`` instead. Then the record, after Protobuf's message indexes.
Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.errors import Fatal, Reason, Rejected
from domain.event import UsageEvent
from monitor.decode.base import Decoded, EventDecoder, Offsets
from monitor.registry.base import Schema, SchemaId, Schemas
from monitor.registry.client import bounded_put
from monitor.source.base import Headers

HEADER: Final = "__value_schema_id"
WITH_ID: Final = 5
WITH_GUID: Final = 17
FIELDS: Final = UsageEvent.__struct_fields__

Reader = Callable[[bytes, int], Mapping[str, Any]]
"""A record's fields by the names of ``UsageEvent``, those that are said; from a value and where it begins."""
Compile = Callable[[Schema, Mapping[str, str]], Reader]


class FramedParser:
    """Reads values with the schema each names. ``paths``: event field -> where it is, dots into records.

    Readers are made once a schema; at most a thousand are kept. About a dictionary's look-up a record.
    """

    def __init__(self, kind: str, compiled: Compile, schemas: Schemas, paths: Mapping[str, str]) -> None:
        self._kind = kind
        self._compiled = compiled
        self._schemas = schemas
        self._paths = paths
        self._readers: dict[bytes, Reader] = {}

    def __call__(self, value: bytes) -> tuple[UsageEvent]:
        start = WITH_GUID if value[:1] == b"\x01" else WITH_ID
        head = value[:start]
        reader = self._readers.get(head) or self._reader(head)
        return (msgspec.convert(reader(value, start), UsageEvent),)

    def _reader(self, head: bytes) -> Reader:
        schema_id = _id(head)
        schema = self._schemas.schema(schema_id)
        try:
            if schema.kind != self._kind:
                raise Rejected(
                    Reason.WRONG_TYPE,
                    f"schema {schema_id} is {schema.kind}, kafka.format is {self._kind.lower()}",
                )
            reader = self._compiled(schema, self._paths)
        except Rejected as error:
            reader = _refusing(error.reason, f"schema {schema_id}: {error}")
        bounded_put(self._readers, head, reader)
        return reader


def _refusing(reason: Reason, message: str) -> Reader:
    def read(value: bytes, start: int) -> Mapping[str, Any]:
        del value, start
        raise Rejected(reason, message)

    return read


def _id(head: bytes) -> SchemaId:
    if len(head) == WITH_ID and head[0] == 0:
        return int.from_bytes(head[1:])
    if len(head) == WITH_GUID:
        return UUID(bytes=head[1:])
    raise Rejected(Reason.NOT_FRAMED, "the value does not begin with the id of a schema")


class HeaderFramed:
    """Puts the id of the header, where there is one, before the value."""

    def __init__(self, inner: EventDecoder) -> None:
        self._inner = inner

    def decode(
        self, values: Sequence[bytes | None], offsets: Offsets, headers: Sequence[Headers] | None = None
    ) -> Decoded:
        if headers is None:
            return self._inner.decode(values, offsets)
        framed = [
            value if value is None else _schema_header(each) + value
            for value, each in zip(values, headers, strict=True)
        ]
        return self._inner.decode(framed, offsets)


def _schema_header(headers: Headers) -> bytes:
    return next((value or b"" for name, value in headers if name == HEADER), b"")


def field_paths(key_field: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Where each field of an event is. Raises ``Fatal`` for a name that no event has.

    >>> field_paths("", {"ip": "client.address"})["ip"], field_paths("id", {})["key_id"]
    ('client.address', 'id')
    """
    for name in fields:
        if name not in FIELDS:
            raise Fatal(
                Reason.CONFIG,
                f"kafka.fields.{name}: events have no such field, but {', '.join(sorted(FIELDS))}",
            )
    if key_field and "key_id" in fields:
        raise Fatal(Reason.CONFIG, "kafka.key_field and kafka.fields.key_id are the same: set one")
    return {name: name for name in FIELDS} | ({"key_id": key_field} if key_field else {}) | dict(fields)
