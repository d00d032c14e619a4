"""The HTTP endpoint for probes and Prometheus: /livez, /readyz, /startupz, /metrics."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client.exposition import choose_encoder

from domain.errors import Fatal, Reason
from monitor.health import Health
from monitor.meter import Meter

READ_TIMEOUT_S: Final = 5.0
"""A client that says nothing for this long is cut off."""
Answer = tuple[int, str, bytes]


class HealthServer:
    """Serves from its own threads. It has no secrets and needs no login: keep it inside the cluster."""

    def __init__(self, host: str, port: int, health: Health, meter: Meter) -> None:
        routes: dict[str, Callable[[str], Answer]] = {
            "/livez": lambda _accept: _verdict(health.live()),
            "/readyz": lambda _accept: _verdict(health.ready()),
            "/startupz": lambda _accept: _verdict(health.started()),
            "/metrics": lambda accept: _exposition(meter, accept),
        }
        handler = type("Handler", (_Handler,), {"routes": routes})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise Fatal(
                Reason.CONFIG,
                f"metrics.port: cannot listen on {host}:{port} ({error.strerror}): another process has it, "
                "or metrics.host is no address of this machine",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    routes: dict[str, Callable[[str], Answer]]
    timeout = READ_TIMEOUT_S
    protocol_version = "HTTP/1.1"
    server_version = "keywatch"
    sys_version = ""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        route = self.routes.get(self.path.partition("?")[0])
        answer = route(self.headers.get("Accept", "")) if route else _unknown(self.routes)
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Probes ask every few seconds: nothing to log."""


def _verdict(wrong: list[str]) -> Answer:
    body = json.dumps({"ok": not wrong, "wrong": wrong}).encode()
    return (503 if wrong else 200), "application/json", body


def _exposition(meter: Meter, accept: str) -> Answer:
    encode, kind = choose_encoder(accept)
    return 200, kind, encode(meter.registry)


def _unknown(routes: dict[str, Callable[[str], Answer]]) -> Answer:
    return 404, "text/plain", f"there is {', '.join(routes)}\n".encode()
