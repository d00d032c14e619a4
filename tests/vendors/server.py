"""A vendor's API on a local port: real HTTP, its documented answers and errors, faults on demand.

Each vendor's module lists the calls of its published description that we use, as schemas written by hand
with their source. Every request must be one of them and fit it: what does not is a violation, and a test
fails on any.
"""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs

from keystore.adapters.check_bench import Fault
from tests import web

OBJECT: Final = {"type": "object"}
EMPTY: Final[dict[str, Any]] = {"const": None}


def closed(**properties: Any) -> dict[str, Any]:
    """A schema of an object with just these properties, all required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Request:
    """As it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """JSON or a form, None for nothing."""
        if not self.raw:
            return None
        if "form-urlencoded" in self.headers.get("content-type", ""):
            return dict(parse_qsl(self.raw.decode()))
        return json.loads(self.raw)


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One call of a published description. ``path`` is a pattern whose groups are the parameters.

    ``source`` says where it is described; ``headers`` are patterns of headers that must be there.
    """

    name: str
    method: str
    path: str
    source: str
    write: bool = False
    query: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "maxProperties": 0})
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default_factory=lambda: EMPTY)
    side: bool = False
    """Fetching a token and the like: no fault is meant for it."""
    when: Callable[[Request], bool] = lambda _: True
    """Tells apart calls that share a path."""

    def parameters(self, request: Request) -> dict[str, str] | None:
        """The path's parameters if the request is this call."""
        match = re.fullmatch(self.path, request.path) if request.method == self.method else None
        if match is None or not self.when(request):
            return None
        return {name: unquote(text) for name, text in match.groupdict().items()}

    def violations(self, request: Request) -> list[str]:
        """In what the request does not fit the description."""
        out = []
        for what, value, schema in (("query", request.query, self.query), ("body", request.body, self.body)):
            out += [f"{self.name} {what}: {e.message}" for e in _validator(schema).iter_errors(value)]
        for header, pattern in self.headers.items():
            if not re.fullmatch(pattern, request.headers.get(header.lower(), "")):
                out.append(f"{self.name}: header {header} does not match {pattern}")
        return out


def _validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema)


class VendorServer(ABC):
    """One vendor's keys. Subclasses hold them, answer calls, and do what people do there."""

    kind: str
    """As in ``keystore.kind``."""
    calls: Sequence[Call]
    detects_races = False
    """Whether the vendor's own API tells that a key changed between a reading and a writing."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[Call, Request]] = []
        self.violations: list[str] = []
        self.secrets: list[str] = ["credential-s3cret"]
        self._faults: list[tuple[Fault, bool]] = []
        self._during_write: list[Callable[[], None]] = []
        self._lock = threading.RLock()
        self._made = 0

    # -- what a vendor must say ----------------------------------------------------------------------

    @abstractmethod
    def settings(self, directory: Path) -> dict[str, Any]:
        """The section of the configuration file for this server, with its secrets in ``directory``."""

    @abstractmethod
    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        """What the vendor answers; faults and credentials are dealt with."""

    @abstractmethod
    def authorised(self, request: Request) -> bool:
        """Whether the vendor knows the credential."""

    @abstractmethod
    def error(self, status: int, what: str) -> Any:
        """The vendor's error body."""

    def denied(self) -> Reply:
        """To a credential that the vendor does not know."""
        return Reply(401, self.error(401, "unauthorized"))

    def throttled(self) -> Reply:
        """To too many requests."""
        return Reply(429, self.error(429, "too many requests"), {"Retry-After": "7"})

    # -- what people do ------------------------------------------------------------------------------

    @abstractmethod
    def new_key(self) -> str:
        """Make an active key; its id."""

    @abstractmethod
    def turn(self, key_id: str, *, on: bool) -> None:
        """A person turns the key on or off."""

    @abstractmethod
    def end(self, key_id: str) -> None:
        """A person ends the key for good."""

    @abstractmethod
    def stopped(self, key_id: str) -> bool:
        """Whether the vendor's gateway refuses the key."""

    @abstractmethod
    def record(self, key_id: str) -> Any:
        """All that the vendor keeps of the key, without what changes at every write."""

    # ------------------------------------------------------------------------------------------------

    def number(self) -> int:
        """1, 2, ... for names."""
        self._made += 1
        return self._made

    def fail(self, fault: Fault, *, write: bool, times: int = 1) -> None:
        """Let the next requests of that sort fail."""
        self._faults += [(fault, write)] * times

    def during_write(self, act: Callable[[], None]) -> None:
        """Do something after the next write was received and before it is carried out."""
        self._during_write.append(act)

    def writes(self) -> int:
        """Requests so far that change something."""
        return sum(call.write for call, _ in self.requests)

    def handle(self, request: Request) -> Reply | None:
        """The reply; None is to hang up without one."""
        with self._lock:
            found = [(c, p) for c in self.calls if (p := c.parameters(request)) is not None]
            if not found:
                self.violations.append(f"no such call: {request.method} {request.path}")
                return Reply(404, self.error(404, "no such call"))
            call, parameters = found[0]
            self.requests.append((call, request))
            self.violations += call.violations(request)
            fault = None if call.side else self._next_fault(call.write)
            if fault is Fault.THROTTLED:
                return self.throttled()
            if fault is Fault.SERVER_ERROR:
                return Reply(503, self.error(503, "unavailable"))
            if fault is Fault.REQUEST_LOST:
                return None
            if not self.authorised(request):
                return self.denied()
            if call.write and self._during_write:
                self._during_write.pop(0)()
            reply = self.answer(call, parameters, request)
            return None if fault is Fault.ANSWER_LOST else reply

    def _next_fault(self, write: bool) -> Fault | None:
        for number, (fault, on_write) in enumerate(self._faults):
            if on_write == write:
                del self._faults[number]
                return fault
        return None


@contextmanager
def serving(vendor: VendorServer) -> Iterator[VendorServer]:
    """The vendor on a free port of this machine, stopped afterwards."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        wbufsize = -1  # headers and body in one packet: two would wait for each other's acknowledgement

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = vendor.handle(Request(self.command, parts.path, query, headers, raw))
            if reply is None:
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else _encoded(reply.body)
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    with web.serving(server):
        yield vendor


def _encoded(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def secret_file(directory: Path, text: str, name: str = "secret") -> str:
    """A file with a secret; its path."""
    path = directory / name
    path.write_text(text + "\n")
    return str(path)
