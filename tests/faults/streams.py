"""Recorded events on a topic of real Kafka, and workers that read it."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import uuid
import zlib
from dataclasses import dataclass, replace
from typing import Any

from sample_streams import scenario_path
from tests.faults.worker import read
from tests.servers import Kafka

PARTITIONS = 2


@dataclass(frozen=True)
class Topic:
    """A topic that is complete: ``ends`` are the offsets after its last records."""

    kafka: Kafka
    name: str
    ends: list[int]

    def start(self, redis_url: str, release: str = "", **ask: Any) -> subprocess.Popen[bytes]:
        """A worker process that reads to the end; ``release``: a source tree to run, or ``next``."""
        module = "tests.faults.next_release" if release == "next" else "tests.faults.worker"
        command = [sys.executable, "-m", module, json.dumps(self._whole(redis_url) | ask)]
        if release in ("", "next"):
            return subprocess.Popen(command, stdout=subprocess.PIPE)
        older = {**os.environ, "PYTHONPATH": release}
        return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=release, env=older)

    def run(self, redis_url: str, release: str = "", **ask: Any) -> dict[str, int]:
        """Read to the end undisturbed; this release does so in the process of the test."""
        if not release:
            return read(self._whole(redis_url) | ask)
        return finished(self.start(redis_url, release, **ask))

    def _whole(self, redis_url: str) -> dict[str, Any]:
        return {"bootstrap": self.kafka.bootstrap, "topic": self.name, "ends": self.ends, "redis": redis_url}


def finished(worker: subprocess.Popen[bytes]) -> dict[str, int]:
    """What a worker did, once it is done."""
    out, _ = worker.communicate(timeout=180)
    assert worker.returncode == 0
    done: dict[str, int] = json.loads(out)
    return done


def scenario_lines(name: str) -> list[bytes]:
    """The events of a sample stream, one JSON object each."""
    return gzip.decompress(scenario_path(name).read_bytes()).splitlines()


def filled(kafka: Kafka, scenario: str) -> Topic:
    """A new topic with a sample stream, the events of a key in one partition."""
    return appended(empty(kafka), scenario_lines(scenario))


def empty(kafka: Kafka) -> Topic:
    """A new topic, and one for its dead letters."""
    name = kafka.create_topic(f"usage-{uuid.uuid4().hex[:8]}", PARTITIONS)
    kafka.create_topic(f"{name}.dead-letter")
    return Topic(kafka, name, [0] * PARTITIONS)


def appended(topic: Topic, lines: list[bytes]) -> Topic:
    """The topic with these events after those it has."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=topic.kafka.bootstrap, linger_ms=20)
    ends = list(topic.ends)
    for line in lines:
        number = zlib.crc32(json.loads(line)["key_id"].encode()) % PARTITIONS
        ends[number] += 1
        producer.send(topic.name, value=line, partition=number)
    producer.flush()
    producer.close()
    return replace(topic, ends=ends)
