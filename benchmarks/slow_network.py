"""A network between two processes of this machine: what is sent arrives a while later."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CHUNK: Final = 1 << 16


@contextmanager
def delayed(url: str, one_way_s: float) -> Iterator[str]:
    """Another address of a ``redis://`` server, each way to which takes ``one_way_s`` longer.

    For one question at a time a connection: a later one waits until the one before has gone out. Runs in
    a process of its own. Linux wakes it some 60 us late, so measure the bare round trip beside.
    """
    host, port = url.removeprefix("redis://").split(":")
    with socket.create_server(("127.0.0.1", 0)) as door:
        serve = multiprocessing.get_context("fork").Process(
            target=_serve, args=(door, (host, int(port)), one_way_s), daemon=True
        )
        serve.start()
        try:
            yield f"redis://127.0.0.1:{door.getsockname()[1]}"
        finally:
            serve.terminate()
            serve.join()


def _serve(door: socket.socket, server: tuple[str, int], one_way_s: float) -> None:
    while True:
        client, _ = door.accept()
        onward = socket.create_connection(server)
        for end in (client, onward):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, onward), (onward, client)):
            threading.Thread(target=_carry, args=(source, target, one_way_s), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket, one_way_s: float) -> None:
    while data := source.recv(CHUNK):
        time.sleep(one_way_s)
        target.sendall(data)
    target.close()
