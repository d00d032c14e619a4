"""``avro``: Avro records whose schema is in a registry; needs the extra ``registry``.

The fields of :class:`domain.event.UsageEvent` by name or by ``kafka.fields``. A time may be a ``long`` as
in ``native``, a string, or of logical type ``timestamp-millis``, ``-micros`` or ``-nanos``; null is nothing
said. Source: https://avro.apache.org/docs/1.12.0/specification/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException, UnknownType

from domain.errors import Reason, Rejected
from monitor.decode.framed import Reader
from monitor.registry.base import Schema

_PER_MS: Final = {"millis": 1, "micros": 1_000, "nanos": 1_000_000}
_RECORDS: Final = ("record", "error")


def compiled(schema: Schema, paths: Mapping[str, str]) -> Reader:
    """A reader of one schema. Raises ``Rejected`` for one that cannot be used."""
    try:
        tree = json.loads(schema.text)
        named: dict[str, Any] = {}
        for _, text in schema.parts:
            parse_schema(_plain(json.loads(text)), named)
        parsed = parse_schema(_plain(tree), named)
    except (ValueError, RecursionError, SchemaParseException, UnknownType, KeyError, TypeError) as error:
        raise Rejected(Reason.WRONG_TYPE, f"not an Avro schema ({type(error).__name__})") from None
    _require_bounded(parsed, named)
    steps = [(name, path.split(".")) for name, path in paths.items()]
    flat = [(name, path[0]) for name, path in steps if len(path) == 1]
    deep = [(name, path) for name, path in steps if len(path) > 1]
    per_ms = _time_unit(tree, paths["ts"].split("."))

    def read(value: bytes, start: int) -> Mapping[str, Any]:
        record = _record(parsed, value, start)
        get = record.get
        found = {name: said for name, at in flat if (said := get(at)) is not None}
        for name, path in deep:
            if (said := _at(record, path)) is not None:
                found[name] = said
        if per_ms > 1 and isinstance(ts := found.get("ts"), int):
            found["ts"] = ts // per_ms
        return found

    return read


def _record(parsed: Any, value: bytes, start: int) -> dict[str, Any]:
    stream = BytesIO(value)
    stream.seek(start)
    try:
        record = schemaless_reader(stream, parsed, None)
    except Exception as error:  # whatever the library makes of bytes that are not its own
        raise Rejected(Reason.WRONG_TYPE, f"does not fit its schema ({type(error).__name__})") from None
    if stream.tell() != len(value) or not isinstance(record, dict):
        raise Rejected(Reason.WRONG_TYPE, "does not fit its schema (bytes are left, or it is no record)")
    return record


def _at(record: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


def _plain(node: Any) -> Any:
    """Without logical types: numbers stay numbers, which is faster, and what a key id is stays text."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if isinstance(node, dict):
        return {name: _plain(each) for name, each in node.items() if name != "logicalType"}
    return node


def _require_bounded(node: Any, named: Mapping[str, Any], within: frozenset[str] = frozenset()) -> None:
    """Raises ``Rejected`` for a schema by which few bytes would take long: fastavro reads as deep as a
    recursive record says until the process dies, and as long as an array of nothing says."""
    name = node.get("name") if isinstance(node, dict) else node if isinstance(node, str) else None
    if name in within:
        raise Rejected(Reason.WRONG_TYPE, "the schema is recursive, which keywatch does not read")
    if isinstance(node, dict) and node.get("items") in ("null", {"type": "null"}):
        raise Rejected(Reason.WRONG_TYPE, "the schema has an array of null")
    for each in _inner(node, named):
        _require_bounded(each, named, within | {name} if isinstance(node, dict) and name else within)


def _inner(node: Any, named: Mapping[str, Any]) -> list[Any]:
    """The types that a type is made of."""
    if isinstance(node, str):
        return [named[node]] if node in named else []
    if isinstance(node, list):
        return node
    if node["type"] in _RECORDS:
        return [field["type"] for field in node["fields"]]
    return [node.get("items", node.get("values", []))]


def _time_unit(node: Any, path: list[str]) -> int:
    """How many of the time's units are a millisecond, by its logical type; 1 when it has none."""
    if isinstance(node, list):
        return max((_time_unit(each, path) for each in node), default=1)
    if not isinstance(node, dict):
        return 1
    if path and node.get("type") in _RECORDS:
        types = [field["type"] for field in node["fields"] if field["name"] == path[0]]
        return _time_unit(types, path[1:])
    logical = str(node.get("logicalType", ""))
    if not path and "timestamp-" in logical:
        return _PER_MS.get(logical.rpartition("-")[2], 1)
    return _time_unit(node["type"], path) if isinstance(node.get("type"), dict | list) else 1
