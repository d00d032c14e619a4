"""Events a second of the whole pipeline from Kafka, beside its ceiling and beside a naive loop.

``make bench`` or ``python -m benchmarks.throughput [--events N] [--warm N] [--rounds N]``. One topic on a
real Apache Kafka, one real Redis. In turn, ``rounds`` times, and the median of each is shown:

- ceiling: the same client's poll and the same decoder, nothing else;
- pipeline: poll, decode, enrich, count, score, learn, commit to Redis, every detector on;
- naive: ``json.loads`` and a Redis pipeline of five commands an event.

Each is a process of its own on one core, with the daemon's settings of Python's garbage collector, and is
timed after ``--warm`` events: a daemon meets a key or an address for the first time once. The keys' profiles
are then made old, or most detectors would not judge them yet. Figures compare only within one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.fleet import fleet_events
from detectors.rates import HORIZONS
from monitor.config import Config, KafkaConfig, RedisConfig
from monitor.connect import connect_redis
from monitor.decode import decoder_for
from monitor.decode.base import Limits
from monitor.garbage import collect_seldom
from monitor.logs import Log
from monitor.source.base import Source
from monitor.wiring import CLOCK, pipeline_for, source_for
from tests.servers import kafka_server, server

TOPIC = "bench"
NAIVE_SHARE = 20
"""The naive loop reads one in so many: it is slow."""


def _config(ask: dict[str, Any]) -> Config:
    kafka = KafkaConfig(bootstrap=ask["bootstrap"], topic=TOPIC, partitions="all", client=ask["client"])
    return Config(kafka=kafka, redis=RedisConfig(url=ask["redis"]))


def _claimed(source: Source) -> None:
    """Read from the beginning."""
    while not (polled := source.poll(0.1)).assigned:
        pass
    for number in polled.assigned:
        source.seek(number, None)


def ceiling(ask: dict[str, Any]) -> float:
    """Seconds to poll and decode all that follows the warm-up."""
    source, decoder = source_for(_config(ask)), decoder_for("native", Limits())
    _claimed(source)
    read, already, started = 0, 0, 0.0
    while read < ask["warm"] + ask["events"]:
        for batch in source.poll(0.2).batches:
            if not started and read >= ask["warm"]:
                already, started = read, time.perf_counter()
            read += len(decoder.decode(batch.values, batch.offsets).columns)
    return (time.perf_counter() - started) * ask["events"] / (read - already)


def pipeline(ask: dict[str, Any]) -> float:
    """Seconds of the whole pipeline, the last commit included."""
    config = _config(ask)
    line = pipeline_for(config, connect_redis(ask["redis"]), Log(CLOCK, "error"))
    while line.stats.events < ask["warm"]:
        line.run_once(0.2)
    line.commit()
    part = line.parts[0]
    part.profiles = _grown_old(part.profiles)
    already, started = line.stats.events, time.perf_counter()
    while line.stats.events < ask["warm"] + ask["events"]:
        line.run_once(0.2)
    line.commit()
    return (time.perf_counter() - started) * ask["events"] / (line.stats.events - already)


def _grown_old(rows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """The same keys (n,), used around the clock for four weeks, a minute in three; those just met stay so."""
    met = np.flatnonzero(rows["windows"] > 0)
    profiles = rows[met]
    profiles["first_ms"] -= 28 * 86_400_000
    profiles["windows"] += 13_000
    profiles["novel_windows"] += 13_000
    longer = HORIZONS / np.maximum(profiles["rate_minutes"], 1.0)
    for name in ("rate_count", "rate_minutes", "rate_square"):
        profiles[name] *= longer
    profiles["endpoint_seen"] = np.bitwise_or.reduce(profiles["endpoint_seen"], axis=0)
    profiles["hour_weeks"] = 4
    profiles["hour_level"] = np.log2(1.0 + 60.0 * profiles["rate_count"][:, -1:] / HORIZONS[-1])
    rows[met] = profiles
    return rows


def naive(ask: dict[str, Any]) -> float:
    """Seconds of json and five Redis commands an event, scaled to all events."""
    client = connect_redis(ask["redis"])
    source = source_for(_config(ask))
    _claimed(source)
    few, read, started = ask["events"] // NAIVE_SHARE, 0, 0.0
    while read < few:
        for batch in source.poll(0.2).batches:
            started = started or time.perf_counter()
            for value in batch.values[: few - read]:
                _naive_event(client, json.loads(value or b"{}"))
                read += 1
    return (time.perf_counter() - started) * NAIVE_SHARE


def _naive_event(client: Any, event: dict[str, Any]) -> None:
    key = f"naive:{event['key_id']}"
    commands = client.pipeline(transaction=False)
    commands.hincrby(key, "count", 1)
    commands.hincrby(key, "bytes", event["bytes_out"])
    commands.sadd(f"{key}:ip", event["ip"])
    commands.zincrby(f"{key}:endpoints", 1, event["endpoint"])
    commands.incr(f"{key}:{event['ts'] // 60_000}")
    commands.execute()


def _in_process(name: str, ask: dict[str, Any]) -> float:
    command = [sys.executable, "-m", "benchmarks.throughput", "--run", name, json.dumps(ask)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


def _fill(bootstrap: str, lines: list[bytes]) -> None:
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50, batch_size=1 << 18)
    for line in lines:
        producer.send(TOPIC, value=line, partition=0)
    producer.flush()
    producer.close()


def compare(events: int, warm: int, rounds: int) -> None:
    """Start the servers, run all in turn, print the table."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "k").mkdir()
        (Path(folder) / "r").mkdir()
        with kafka_server(Path(folder) / "k") as kafka, server("redis", Path(folder) / "r") as redis_url:
            kafka.create_topic(TOPIC)
            kafka.create_topic(f"{TOPIC}.dead-letter")
            _fill(kafka.bootstrap, fleet_events(warm + events))
            for client in ("kafka-python", "confluent"):
                ask = {"bootstrap": kafka.bootstrap, "redis": redis_url, "client": client}
                _compare_client(ask | {"events": events, "warm": warm}, rounds)


def _compare_client(ask: dict[str, Any], rounds: int) -> None:
    store = connect_redis(ask["redis"])
    rates: dict[str, list[float]] = {"ceiling": [], "pipeline": [], "naive": []}
    for _ in range(rounds):
        for name, found in rates.items():
            store.flushall()
            found.append(ask["events"] / _in_process(name, ask))
    median = {name: statistics.median(found) for name, found in rates.items()}
    print(f"{ask['client']}: {ask['events']:,} events, median of {rounds}")
    for name, rate in median.items():
        print(f"  {name:10} {rate:>10,.0f} events/s")
    print(f"  pipeline is {median['pipeline'] / median['ceiling']:.0%} of the ceiling", end=", ")
    print(f"{median['pipeline'] / median['naive']:.0f} times the naive loop")


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--warm", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=2, metavar=("WHAT", "ASK"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.run:
        collect_seldom()
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        measure = {"ceiling": ceiling, "pipeline": pipeline, "naive": naive}[wanted.run[0]]
        print(measure(json.loads(wanted.run[1])))
    else:
        compare(wanted.events, wanted.warm, wanted.rounds)


if __name__ == "__main__":
    main()
