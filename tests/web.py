"""Web servers in a thread, for as long as a test needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import BaseServer
from typing import Any, Final

import uvicorn

HOST: Final = "127.0.0.1"
STOPS_WITHIN_S: Final = 30.0
"""A server that does not stop fails the test that used it, instead of holding up all that follow."""


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """A server of the standard library at work."""
    with server, running(lambda: server.serve_forever(0.01), server.shutdown):
        yield


@contextmanager
def serving_asgi(app: Any, **options: Any) -> Iterator[str]:
    """The address of an ASGI app on uvicorn."""
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=0, **{"log_level": "error"} | options))

    def stop() -> None:
        server.should_exit = True

    with running(server.run, stop) as thread:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("uvicorn did not start")
            thread.join(0.005)
        yield f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"


@contextmanager
def running(work: Callable[[], None], stop: Callable[[], None]) -> Iterator[threading.Thread]:
    """A thread that works until ``stop``; raises ``RuntimeError`` if that does not end it."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop()
        thread.join(STOPS_WITHIN_S)
        if thread.is_alive():
            raise RuntimeError(f"the server did not stop within {STOPS_WITHIN_S:.0f} s")
