"""Recorded events on a topic of real Kafka, and workers that read it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import uuid
import zlib
from dataclasses import dataclass
from typing import Any

from sample_streams import scenario_path
from tests.servers import Kafka

PARTITIONS = 2


@dataclass(frozen=True)
class Topic:
    """A topic that is complete: ``ends`` are the offsets after its last records."""

    kafka: Kafka
    name: str
    ends: list[int]

    def start(self, redis_url: str, **ask: Any) -> subprocess.Popen[bytes]:
        """A worker process that reads to the end."""
        whole = {"bootstrap": self.kafka.bootstrap, "topic": self.name, "ends": self.ends, "redis": redis_url}
        command = [sys.executable, "-m", "tests.faults.worker", json.dumps(whole | ask)]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def run(self, redis_url: str, **ask: Any) -> dict[str, int]:
        """Read to the end undisturbed."""
        return finished(self.start(redis_url, **ask))


def finished(worker: subprocess.Popen[bytes]) -> dict[str, int]:
    """What a worker did, once it is done."""
    out, _ = worker.communicate(timeout=120)
    assert worker.returncode == 0
    done: dict[str, int] = json.loads(out)
    return done


def scenario_lines(name: str) -> list[bytes]:
    """The events of a sample stream, one JSON object each."""
    return gzip.decompress(scenario_path(name).read_bytes()).splitlines()


def filled(kafka: Kafka, scenario: str) -> Topic:
    """A new topic with a sample stream, the events of a key in one partition."""
    from kafka import KafkaProducer

    name = kafka.create_topic(f"usage-{uuid.uuid4().hex[:8]}", PARTITIONS)
    kafka.create_topic(f"{name}.dead-letter")
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=20)
    ends = [0] * PARTITIONS
    for line in scenario_lines(scenario):
        number = zlib.crc32(json.loads(line)["key_id"].encode()) % PARTITIONS
        ends[number] += 1
        producer.send(name, value=line, partition=number)
    producer.flush()
    producer.close()
    return Topic(kafka, name, ends)
