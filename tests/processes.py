"""The ``keywatch`` command as a process of its own."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

KEYWATCH: Final = [sys.executable, "-c", "from monitor.cli import main; main()"]


def until(true: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    """Wait until something holds, while the process lives; three minutes are enough on a busy machine."""
    deadline = time.monotonic() + 180
    while not true():
        assert process.poll() is None, f"the daemon ended with {process.poll()}"
        assert time.monotonic() < deadline, f"not within three minutes: {what}"
        time.sleep(0.05)


@contextmanager
def running(log: Path, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """``keywatch`` with these arguments; SIGTERM at the end, and it must end well."""
    env = {**os.environ, "PYTHONWARNINGS": "ignore", **environ}
    with log.open("wb") as out:
        process = subprocess.Popen([*KEYWATCH, *arguments], stdout=out, stderr=out, env=env)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=40)
    assert code == 0, log.read_text()


def probe(port: int, path: str) -> int:
    """The status a running keywatch answers, 0 when nobody does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
