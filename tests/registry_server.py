"""A schema registry on a local port, by the REST contract of Confluent's, with faults on demand.

It registers, looks up, answers by id, GUID and version, knows ``format=serialized``, asks for credentials,
and says 404 with an ``error_code``.
Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.web import serving

_SUBJECT: Final = re.compile(r"/subjects/([^/]+)(?:/versions(?:/(\d+|latest))?)?")
_TEXT: Final = 'syntax = "proto3"; // the text, which keywatch does not ask for'
NAMESPACE: Final = uuid.UUID(int=7)

Reply = tuple[int, Any]


@dataclass
class Registry:
    """``asked``: every path and query that was requested. ``status``: answer all so, when not 200.

    ``serializes`` False is a registry that has never heard of ``format=serialized``.
    """

    url: str = ""
    authorization: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    serializes: bool = True
    asked: list[str] = field(default_factory=list)
    schemas: list[dict[str, Any]] = field(default_factory=list)
    subjects: dict[str, list[int]] = field(default_factory=dict)

    def register(self, subject: str, text: str, kind: str = "AVRO", references: Any = ()) -> int:
        """The id of a schema, the same for the same."""
        made = {"schema": text, "schemaType": kind, "references": list(references)}
        if made not in self.schemas:
            self.schemas.append(made)
        found = self.schemas.index(made) + 1
        versions = self.subjects.setdefault(subject, [])
        if found not in versions:
            versions.append(found)
        return found

    def guid(self, schema_id: int) -> uuid.UUID:
        """Another name of a schema."""
        return uuid.uuid5(NAMESPACE, str(schema_id))

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """What the API says."""
        if subject := _SUBJECT.fullmatch(path):
            name, version = unquote(subject[1]), subject[2]
            if method == "POST":
                return self._posted(name, body)
            if name not in self.subjects:
                return 404, {"error_code": 40401, "message": f"Subject '{name}' not found."}
            number = len(self.subjects[name]) if version in (None, "latest") else int(version)
            schema_id = self.subjects[name][number - 1]
            return 200, self._shown(schema_id, query) | self._place(name, schema_id)
        kind, _, wanted = path.removeprefix("/schemas/").partition("/")
        for schema_id in range(1, len(self.schemas) + 1):
            if {"ids": str(schema_id), "guids": str(self.guid(schema_id))}.get(kind) == wanted:
                return 200, self._shown(schema_id, query)
        return 404, {"error_code": 40403, "message": f"Schema {wanted} not found"}

    def _posted(self, subject: str, body: Any) -> Reply:
        found = self.register(
            subject, body["schema"], body.get("schemaType", "AVRO"), body.get("references") or ()
        )
        return 200, self._shown(found, {}) | self._place(subject, found)

    def _place(self, subject: str, schema_id: int) -> dict[str, Any]:
        version = self.subjects[subject].index(schema_id) + 1
        return {"subject": subject, "version": version, "id": schema_id, "guid": str(self.guid(schema_id))}

    def _shown(self, schema_id: int, query: dict[str, str]) -> dict[str, Any]:
        made = self.schemas[schema_id - 1]
        if made["schemaType"] == "AVRO":
            return {"schema": made["schema"]} | (
                {"references": made["references"]} if made["references"] else {}
            )
        serialized = self.serializes and query.get("format") == "serialized"
        return made | {"schema": made["schema"] if serialized else _TEXT}


@contextmanager
def registry_server() -> Iterator[Registry]:
    """Runs until left."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            registry.asked.append(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, reply = registry.status, {"error_code": registry.status * 100, "message": "told to"}
            if registry.authorization and self.headers.get("authorization") != registry.authorization:
                status, reply = 401, {"error_code": 401, "message": "Unauthorized"}
            elif status == 200:
                status, reply = registry.answer(self.command, parts.path, query, json.loads(raw or b"null"))
            content = json.dumps(reply).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **registry.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    with serving(server):
        yield registry
