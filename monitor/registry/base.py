"""What a schema is to the decoders, and where they get one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

SchemaId = int | UUID
"""The registry's number, or the GUID that newer producers send."""


@dataclass(frozen=True, slots=True)
class Schema:
    """``kind``: AVRO, PROTOBUF or JSON. ``text``: JSON, for Protobuf base64 of a FileDescriptorProto.

    ``parts``: (name, text) of all it refers to, each after what itself refers to.
    """

    kind: str
    text: str
    parts: tuple[tuple[str, str], ...] = ()


class Schemas(Protocol):
    """Where schemas are looked up; blocks for a request when an id is new."""

    def schema(self, schema_id: SchemaId) -> Schema:
        """Raises ``Rejected`` when there is none of this id, ``Transient`` when nobody answers, ``Fatal``
        when we are not let in."""
