"""How often one process asks another and waits for the answer, counted on the wire between them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

CHUNK: Final = 1 << 16


class Counter:
    """Questions so far: what is sent after an answer came, on any connection."""

    def __init__(self) -> None:
        self.questions = 0
        self._lock = threading.Lock()

    def asked(self) -> None:
        with self._lock:
            self.questions += 1


@contextmanager
def counted(url: str) -> Iterator[tuple[str, Counter]]:
    """Another address of a ``redis://`` server. A pipeline is one question, however long."""
    host, port = url.removeprefix("redis://").split(":")
    counter = Counter()
    with socket.create_server(("127.0.0.1", 0)) as door:
        serve = threading.Thread(target=_serve, args=(door, (host, int(port)), counter), daemon=True)
        serve.start()
        yield f"redis://127.0.0.1:{door.getsockname()[1]}", counter


def _serve(door: socket.socket, server: tuple[str, int], counter: Counter) -> None:
    while True:
        try:
            client, _ = door.accept()
        except OSError:
            return  # closed
        onward = socket.create_connection(server)
        link = _Link(counter)
        threading.Thread(target=link.carry, args=(client, onward, True), daemon=True).start()
        threading.Thread(target=link.carry, args=(onward, client, False), daemon=True).start()


class _Link:
    """One connection; ``answered`` says that the next bytes from the client are a new question."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._answered = True

    def carry(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        try:
            while data := source.recv(CHUNK):
                if asks and self._answered:
                    self._counter.asked()
                self._answered = not asks
                target.sendall(data)
        except OSError:
            pass  # the other end is gone
        finally:
            target.close()
