"""uvicorn in a thread; TLS is the ingress's business."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from domain.errors import Fatal, Reason

END_S = 20


class ConsoleServer:
    """``proxies``: whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed."""

    def __init__(self, host: str, port: int, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._socket = _listening(host, port)
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="none",
            lifespan="off",
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=END_S,
        )
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._serve, name="console", daemon=True)

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        return int(self._socket.getsockname()[1])

    @property
    def alive(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Answer from now on; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let requests at hand end."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(timeout=END_S + 5)
        self._socket.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno or 0)  # the error's own text repeats the address
        raise Fatal(
            Reason.CONFIG,
            f"console.port: cannot listen on {host}:{port} ({why}): another process has it, or console.host "
            "is no address of this machine",
        ) from error
    # asyncio does so only for sockets that name their protocol; else each answer waits 40 ms for an ACK
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
