"""A schema registry over HTTP, by the REST API of Confluent Schema Registry.

Only the configured server is called, and redirects are not followed: a record chooses an id, which is a
number or a GUID, and nothing else of the address. What an id means never changes: each is asked for once.
Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from domain.clock import Clock
from domain.errors import Fatal, Reason, Refused, Rejected
from keystore.adapters.http import Answer, segment
from monitor.registry.base import Schema, SchemaId

KEPT: Final = 1_000
"""Schemas, and unknown ids, kept at most."""
GREATEST_ID: Final = 2**31 - 1
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
PARTS: Final = 100
"""Schemas that one may refer to, in all."""
UNKNOWN: Final = (40401, 40402, 40403)
"""The registry's own words for: no such subject, version, schema."""


class _Reference(msgspec.Struct):
    name: str
    subject: str
    version: int


class _Found(msgspec.Struct):
    schema: str
    schemaType: str = "AVRO"  # noqa: N815
    references: list[_Reference] = []


class _Error(msgspec.Struct):
    error_code: int = 0


class Api(Protocol):
    """The part of :class:`keystore.adapters.http.Api` that is used."""

    def read(self, path: str, *, expect: tuple[int, ...] = (), **request: Any) -> Answer: ...


@dataclass(slots=True)
class _Missing:
    until_s: float
    wait_s: float


class SchemaRegistry:
    """Asks ``api`` for schemas; for one consumer thread.

    ``wanted``: ``format`` as the API has it, ``serialized`` for Protobuf's descriptors. An id that the
    registry does not know is asked for again after a second at the earliest, then two, up to a minute.
    """

    def __init__(self, api: Api, clock: Clock, wanted: str = "") -> None:
        self._api = api
        self._clock = clock
        self._params = {"format": wanted} if wanted else {}
        self._missing: dict[SchemaId, _Missing] = {}

    def schema(self, schema_id: SchemaId) -> Schema:
        missing = self._missing.get(schema_id)
        if missing is not None and self._clock.monotonic() < missing.until_s:
            raise _unknown(schema_id)
        found = self._asked(schema_id)
        if found is None:
            self._note(schema_id, missing)
            raise _unknown(schema_id)
        self._missing.pop(schema_id, None)
        return Schema(found.schemaType, found.schema, tuple(self._parts(found, {})))

    def _note(self, schema_id: SchemaId, before: _Missing | None) -> None:
        wait_s = FIRST_WAIT_S if before is None else min(2 * before.wait_s, LONGEST_WAIT_S)
        bounded_put(self._missing, schema_id, _Missing(self._clock.monotonic() + wait_s, wait_s))

    def _asked(self, schema_id: SchemaId) -> _Found | None:
        if not isinstance(schema_id, int):  # a registry that knows no GUIDs answers any 404
            return self._read(f"/schemas/guids/{schema_id}", lambda _: True)
        if schema_id > GREATEST_ID:
            return None
        return self._read(f"/schemas/ids/{schema_id}", lambda code: code in UNKNOWN)

    def _read(self, path: str, unknown: Callable[[int], bool]) -> _Found | None:
        try:
            answer = self._api.read(path, expect=(404,), params=self._params)
        except Refused as error:
            raise Fatal(Reason.CONFIG, f"registry.url: {error}") from error
        if answer.status != 404:
            return answer.into(_Found)
        if not unknown(_code(answer.body)):
            raise Fatal(
                Reason.CONFIG,
                "registry.url: what answers there is no schema registry (404 without an error_code): does "
                "the URL lack a path, such as /apis/ccompat/v7?",
            )
        return None

    def _parts(self, found: _Found, known: dict[str, str]) -> list[tuple[str, str]]:
        """What ``found`` refers to, innermost first; ``known`` grows by it."""
        for each in found.references:
            if each.name in known:
                continue
            if len(known) >= PARTS:
                raise Rejected(Reason.WRONG_TYPE, f"the schema refers to more than {PARTS} others")
            path = f"/subjects/{segment(each.subject)}/versions/{each.version}"
            part = self._read(path, lambda code: code in UNKNOWN)
            if part is None:
                raise Rejected(
                    Reason.UNKNOWN_SCHEMA, "the schema refers to one that the registry does not have"
                )
            known[each.name] = ""  # against circles
            self._parts(part, known)
            del known[each.name]
            known[each.name] = part.schema
        return list(known.items())


def bounded_put(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Put last; of more than ``KEPT`` the first goes."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > KEPT:
        del kept[next(iter(kept))]


def _code(body: Any) -> int:
    try:
        return msgspec.convert(body, _Error).error_code
    except msgspec.ValidationError:
        return 0


def _unknown(schema_id: SchemaId) -> Rejected:
    return Rejected(Reason.UNKNOWN_SCHEMA, f"the registry has no schema {schema_id}")
