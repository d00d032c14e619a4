"""``protobuf``: Protobuf messages whose descriptor is in a registry; needs the extra ``registry``.

The registry compiles: keywatch asks for the descriptor (``format=serialized``), not for the text. The
fields of :class:`domain.event.UsageEvent` by name or by ``kafka.fields``. A field that is not set is nothing
said, and so is 0 or "" in one that cannot tell the two apart (proto3 without ``optional``). A time may be a
``google.protobuf.Timestamp``, a latency a ``Duration``, any value one of the wrappers, a word an enum.
Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/serdes-protobuf.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import DESCRIPTOR as DURATION
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP
from google.protobuf.wrappers_pb2 import DESCRIPTOR as WRAPPERS

from domain.errors import Reason, Rejected
from monitor.decode.framed import Reader
from monitor.registry.base import Schema
from monitor.registry.client import bounded_put

Get = Callable[[Any], Any]
_BUILT_IN: Final = "google/protobuf/"
_SHOWN: Final = {file.name: file.serialized_pb for file in (TIMESTAMP, DURATION, WRAPPERS)}
_MOST_INDEXES: Final = 100


def compiled(schema: Schema, paths: Mapping[str, str]) -> Reader:
    """A reader of all messages of one schema. Raises ``Rejected`` for one that cannot be used."""
    file = _file(schema.text)
    pool = descriptor_pool.DescriptorPool()
    try:
        for each in [*(_named(_file(text), name) for name, text in schema.parts), file]:
            _add(pool, each)
    except (TypeError, KeyError, ValueError) as error:
        raise Rejected(Reason.WRONG_TYPE, f"its descriptor cannot be used ({type(error).__name__})") from None
    known: dict[bytes, tuple[Any, list[tuple[str, Get]]]] = {}

    def read(value: bytes, start: int) -> Mapping[str, Any]:
        end = start + 1 if value[start : start + 1] == b"\0" else _end(value, start)
        message = known.get(value[start:end])
        if message is None:
            descriptor = pool.FindMessageTypeByName(_full_name(file, _indexes(value, start)))
            made = message_factory.GetMessageClass(descriptor)
            message = (made, _getters(descriptor, paths))
            bounded_put(known, value[start:end], message)
        try:
            record = message[0].FromString(value[end:])
        except (DecodeError, ValueError) as error:
            raise Rejected(Reason.WRONG_TYPE, f"does not fit its schema ({type(error).__name__})") from None
        return {name: said for name, get in message[1] if (said := get(record)) is not None}

    return read


# -- descriptors -------------------------------------------------------------------------------------


def _file(text: str) -> descriptor_pb2.FileDescriptorProto:
    try:
        return descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, DecodeError):
        raise Rejected(
            Reason.WRONG_TYPE,
            "the registry gave the text of a .proto, not its descriptor: it does not know format=serialized",
        ) from None


def _named(file: descriptor_pb2.FileDescriptorProto, name: str) -> descriptor_pb2.FileDescriptorProto:
    """As others import it."""
    file.name = name
    return file


def _add(pool: descriptor_pool.DescriptorPool, file: descriptor_pb2.FileDescriptorProto) -> None:
    for name in file.dependency:
        if name.startswith(_BUILT_IN) and not _has(pool, name):
            pool.AddSerializedFile(_SHOWN.get(name) or _built_in(name))
    pool.AddSerializedFile(file.SerializeToString())


def _has(pool: descriptor_pool.DescriptorPool, name: str) -> bool:
    try:
        return pool.FindFileByName(name) is not None
    except KeyError:
        return False


def _built_in(name: str) -> bytes:
    found: bytes = descriptor_pool.Default().FindFileByName(name).serialized_pb
    return found


def _full_name(file: descriptor_pb2.FileDescriptorProto, indexes: list[int]) -> str:
    names = [file.package] if file.package else []
    messages = file.message_type
    for index in indexes:
        if not 0 <= index < len(messages):
            raise Rejected(Reason.WRONG_TYPE, "its schema has no message of this index")
        names.append(messages[index].name)
        messages = messages[index].nested_type
    return ".".join(names)


def _indexes(value: bytes, start: int) -> list[int]:
    """Which message of the file, then which within it: zigzag varints, their count first; 0 for [0]."""
    count, at = _varint(value, start)
    if not 0 <= count <= _MOST_INDEXES:
        raise Rejected(Reason.WRONG_TYPE, "its message indexes make no sense")
    found = []
    for _ in range(count):
        index, at = _varint(value, at)
        found.append(index)
    return found or [0]


def _end(value: bytes, start: int) -> int:
    count, at = _varint(value, start)
    for _ in range(min(count, _MOST_INDEXES)):
        _, at = _varint(value, at)
    return at


def _varint(value: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 35, 7):
        if at >= len(value):
            break
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
    raise Rejected(Reason.WRONG_TYPE, "its message indexes are cut off")


# -- fields ------------------------------------------------------------------------------------------


def _getters(message: Descriptor, paths: Mapping[str, str]) -> list[tuple[str, Get]]:
    found = [(name, _getter(message, path.split("."))) for name, path in paths.items()]
    return [(name, get) for name, get in found if get is not None]


def _getter(message: Descriptor, path: list[str]) -> Get | None:
    field = message.fields_by_name.get(path[0])
    if field is None:
        return None
    name, within = path[0], None
    if len(path) > 1:
        within = field.message_type and _getter(field.message_type, path[1:])
        if within is None:
            return None
    else:
        within = _meaning(field)
    if field.has_presence:
        return lambda record: within(getattr(record, name)) if record.HasField(name) else None
    return lambda record: within(said) if (said := getattr(record, name)) else None


def _meaning(field: FieldDescriptor) -> Get:
    """What is made of the value of a field."""
    if field.enum_type is not None:
        names = {number: each.name for number, each in field.enum_type.values_by_number.items()}
        return lambda said: names.get(said, said)
    kind = field.message_type.full_name if field.message_type is not None else ""
    if kind == "google.protobuf.Timestamp":
        return lambda said: said.seconds * 1000 + said.nanos // 1_000_000
    if kind == "google.protobuf.Duration":
        return lambda said: said.seconds * 1000 + said.nanos / 1e6
    if kind in {f"google.protobuf.{name}" for name in WRAPPERS.message_types_by_name}:
        return lambda said: said.value
    return lambda said: said
