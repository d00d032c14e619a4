"""A Redis master with a replica, watched by three Sentinels: real processes on local ports."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from monitor.embedded import free_port
from tests.servers import STARTING, without_retries

MASTER: Final = "watched"
PASSWORD: Final = "a-sentinel-password"
_CONFIG: Final = """
port {port}
requirepass {password}
sentinel sentinel-pass {password}
sentinel monitor {name} 127.0.0.1 {master} 2
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 3000
"""


@dataclass
class Watched:
    """``url`` for keywatch. ``kill_master`` is a crash; the replica takes over."""

    url: str
    sentinels: list[int]
    processes: dict[int, subprocess.Popen[bytes]]

    def master(self) -> int:
        """The port that the first Sentinel calls master."""
        with redis.Redis(port=self.sentinels[0], password=PASSWORD, decode_responses=True) as sentinel:
            return int(sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])

    def kill_master(self) -> int:
        """Its port."""
        port = self.master()
        os.kill(self.processes[port].pid, signal.SIGKILL)
        return port


@contextmanager
def sentinels(directory: Path) -> Iterator[Watched]:
    """Ready when every Sentinel knows the replica and the other two."""
    master, replica = free_port(), free_port()
    ports = [free_port() for _ in range(3)]
    processes: dict[int, subprocess.Popen[bytes]] = {}
    with ExitStack() as running:
        for port, more in ((master, []), (replica, ["--replicaof", "127.0.0.1", str(master)])):
            options = ["--save", "", "--repl-diskless-sync-delay", "0", "--dir", str(directory)]
            processes[port] = running.enter_context(_process(port, [*options, *more]))
        for port in ports:
            path = directory / f"sentinel-{port}.conf"
            path.write_text(_CONFIG.format(port=port, name=MASTER, master=master, password=PASSWORD))
            processes[port] = running.enter_context(_process(port, [str(path), "--sentinel"]))
        _await(lambda: all(_ready(port) for port in ports))
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield Watched(f"redis+sentinel://{hosts}/{MASTER}/0", ports, processes)


@contextmanager
def _process(port: int, arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    named = [] if "--sentinel" in arguments else ["--port", str(port)]
    process = subprocess.Popen(["redis-server", *arguments, *named], stdout=subprocess.DEVNULL)
    try:
        password = PASSWORD if "--sentinel" in arguments else None
        with redis.Redis(port=port, password=password, retry=STARTING) as client:
            client.ping()
        yield process
    finally:
        process.kill()
        process.wait()


def _ready(port: int) -> bool:
    with redis.Redis(port=port, password=PASSWORD) as sentinel:
        (master,) = sentinel.execute_command("SENTINEL", "MASTERS")
    fields = dict(zip(master[::2], master[1::2], strict=True)) if isinstance(master, list) else master
    found = {_text(name): _text(value) for name, value in fields.items()}
    return found["num-slaves"] == "1" and found["num-other-sentinels"] == "2"


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _await(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError("the Sentinels did not find one another")
        time.sleep(0.05)


def replicated(port: int) -> bool:
    """Whether the master at ``port`` knows that its replica has all."""
    with without_retries(f"redis://127.0.0.1:{port}") as master:
        return master.wait(1, 1000) == 1
