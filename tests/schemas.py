"""Usage events in Avro and Protobuf as producers write them, with schemas made on the spot."""

from __future__ import annotations

import base64
import io
import json
from functools import cache
from typing import Any, Final

import fastavro
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

TS_MS: Final = 1_780_272_000_123


def nullable(kind: Any) -> dict[str, Any]:
    """A union with null."""
    return {"type": ["null", kind], "default": None}


AVRO: Final[dict[str, Any]] = {
    "type": "record",
    "name": "ApiUsage",
    "namespace": "org.example",
    "fields": [
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "key_id", "type": "string"},
        {"name": "ip", "type": "string"},
        {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["GET", "POST"]}},
        {"name": "endpoint", "type": "string"},
        {"name": "status", "type": "int"},
        {"name": "bytes_in", **nullable("long")},
        {"name": "bytes_out", **nullable("long")},
        {"name": "latency_ms", **nullable("double")},
        {"name": "user_agent", **nullable("string")},
        {"name": "tenant", **nullable("string")},
        {"name": "country", **nullable("string")},
        {"name": "tags", "type": {"type": "map", "values": "string"}, "default": {}},
    ],
}
EVENT: Final[dict[str, Any]] = {
    "ts": TS_MS,
    "key_id": "key_7Hq",
    "ip": "198.18.3.7",
    "method": "POST",
    "endpoint": "/v1/items/42",
    "status": 201,
    "bytes_out": 812,
    "latency_ms": 2.5,
    "user_agent": "curl/8.5.0",
    "tags": {"team": "a"},
}


def avro_payload(schema: Any, event: dict[str, Any]) -> bytes:
    """A record without framing."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), event)
    return out.getvalue()


def framed(schema_id: int, payload: bytes) -> bytes:
    """As Confluent frames it."""
    return b"\0" + schema_id.to_bytes(4) + payload


_TYPES: Final = {
    "key_id": "STRING",
    "ip": "STRING",
    "endpoint": "STRING",
    "status": "INT32",
    "bytes_in": "INT64",
    "bytes_out": "INT64",
    "latency_ms": "DOUBLE",
    "user_agent": "STRING",
    "tenant": "STRING",
    "lat": "DOUBLE",
}
_PRESENT: Final = ("bytes_in", "bytes_out")
"""``optional`` in proto3's words."""


def proto_file() -> descriptor_pb2.FileDescriptorProto:
    """``message Other {}`` and ``message ApiUsage {...}``, which has ``message Batch { ApiUsage usage }``."""
    file = descriptor_pb2.FileDescriptorProto(name="usage.proto", package="org.example", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    file.message_type.add(name="Other").field.add(name="a", number=1, type=5, label=1)
    usage = file.message_type.add(name="ApiUsage")
    usage.field.add(name="ts", number=1, type=11, label=1, type_name=".google.protobuf.Timestamp")
    method = file.enum_type.add(name="Method")
    for number, name in enumerate(("UNKNOWN", "GET", "POST")):
        method.value.add(name=name, number=number)
    usage.field.add(name="method", number=2, type=14, label=1, type_name=".org.example.Method")
    for number, (name, kind) in enumerate(_TYPES.items(), start=3):
        wire = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind}")
        field = usage.field.add(name=name, number=number, type=wire, label=1)
        if name in _PRESENT:
            field.proto3_optional = True
            field.oneof_index = len(usage.oneof_decl)
            usage.oneof_decl.add(name=f"_{name}")
    inner = usage.nested_type.add(name="Batch")
    inner.field.add(name="usage", number=1, type=11, label=1, type_name=".org.example.ApiUsage")
    return file


def serialized(file: descriptor_pb2.FileDescriptorProto) -> str:
    """As registries give it with ``format=serialized``."""
    return base64.b64encode(file.SerializeToString()).decode()


@cache
def message_class(name: str) -> Any:
    """A class of :func:`proto_file`, as ``protoc`` would have made it."""
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(proto_file().SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"org.example.{name}"))


def usage_message(event: dict[str, Any]) -> Any:
    """An ApiUsage of an event."""
    made = message_class("ApiUsage")()
    made.ts.seconds, millis = divmod(event["ts"], 1000)
    made.ts.nanos = millis * 1_000_000
    for name, value in event.items():
        if name == "method":
            made.method = {"GET": 1, "POST": 2}[value]
        elif name not in ("ts", "tags"):
            setattr(made, name, value)
    return made


def schema_text(schema: Any) -> str:
    """As it is registered."""
    return json.dumps(schema)
