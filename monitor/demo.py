"""``keywatch demo``: everything at once, on the embedded broker and store, in fast-forward."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaProducer
from rich.console import Console
from rich.live import Live
from rich.table import Table

import sample_streams
from domain.case import Case, CaseState
from domain.errors import Fatal, Reason
from monitor.cli_cases_output import print_case
from monitor.config import Config, ForestConfig, GeoipConfig, KafkaConfig, RedisConfig
from monitor.config_alerting import AlertConfig
from monitor.daemon import Daemon
from monitor.embedded import EmbeddedParts
from monitor.logs import Log
from monitor.wiring import CLOCK, key_store, open_redis, sleep
from monitor.wiring_alerting import open_office

TOPIC = "api-usage"
PARTITIONS = 2
REFRESH_S = 0.25
SETTLE_LOOKS = 8
POLICY = """# the shipped policy, with suspension turned on for the demo
version: 1
suspend: on
rules:
  - {name: proof, when: {kinds_any: [certain]}, then: suspend}
  - {name: stolen key, when: {risk_at_least: 0.95, kinds_at_least: 2}, then: suspend}
  - {name: suspicious, when: {risk_at_least: 0.5}, then: alert}
  - {name: rest, then: observe}
"""


def play(scenario: str, keep: bool, console: Console) -> None:
    """Run the scenario and show what came of it; the parts are gone afterwards unless ``keep``."""
    names = sample_streams.scenario_names()
    if scenario not in names:
        raise Fatal(Reason.CONFIG, f"--scenario: there is no {scenario!r}; there are {', '.join(names)}")
    console.print(f"starting an embedded broker and store for the sample stream [bold]{scenario}[/]")
    with EmbeddedParts(sleep) as parts:
        folder = Path(parts.folder)
        config_file = _write_config(folder, parts)
        parts.create_topic(TOPIC, PARTITIONS)
        parts.create_topic(f"{TOPIC}.dead-letter", 1)
        _play(scenario, config_file, console)
        if keep:
            told = f"\nstill running; in another terminal: keywatch cases list -c {config_file}"
            console.print(told, markup=False, highlight=False, soft_wrap=True)
            console.input("press Enter to stop ")


def _write_config(folder: Path, parts: EmbeddedParts) -> Path:
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    config = Config(
        kafka=KafkaConfig(bootstrap=parts.bootstrap, topic=TOPIC, partitions="all"),
        redis=RedisConfig(url=parts.redis_url),
        geoip=GeoipConfig(databases=[str(sample_streams.GEO)]),
        forest=ForestConfig(train_every_min=0.05, min_samples=200),
        alert=AlertConfig(policy=str(policy), stdout=False),
    )
    path = folder / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


def _play(scenario: str, config_file: Path, console: Console) -> None:
    from monitor.wiring import read_config

    config = read_config(config_file)
    client = open_redis(config)
    lines = recorded(scenario)
    keys = key_store(config, client)
    known = {event["key_id"]: event["tenant"] for event in lines}
    keys.import_many([(key_id, tenant, f"ops@{tenant}.example") for key_id, tenant in known.items()])
    daemon = Daemon(config, client, Log(CLOCK, "error", io.StringIO()))
    worker = threading.Thread(target=daemon.run, daemon=True)
    producer = threading.Thread(target=lambda: _produce(config, lines), daemon=True)
    worker.start()
    producer.start()
    with Live(console=console, refresh_per_second=4) as live:
        _watch(daemon, len(lines), lambda rate: live.update(_view(daemon, len(lines), rate)))
    daemon.stop()
    worker.join()
    _report(config_file, console)


def recorded(scenario: str) -> list[dict[str, Any]]:
    """The scenario's events, moved in time so that the last one was a minute ago."""
    with gzip.open(sample_streams.scenario_path(scenario)) as stream:
        events = [msgspec.json.decode(line) for line in stream]
    shift = int(CLOCK.now() * 1000) - 60_000 - max(event["ts"] for event in events)
    for event in events:
        event["ts"] += shift
    return events


def _produce(config: Config, events: list[dict[str, Any]]) -> None:
    producer = KafkaProducer(bootstrap_servers=config.kafka.bootstrap, enable_idempotence=False, linger_ms=20)
    for event in events:
        producer.send(TOPIC, msgspec.json.encode(event), key=event["key_id"].encode())
    producer.flush()
    producer.close()


def _watch(daemon: Daemon, expected: int, show: Callable[[float], None]) -> None:
    """Until every event is counted and nothing new has come for two seconds."""
    quiet, last, began = 0, -1, CLOCK.monotonic()
    while quiet < SETTLE_LOOKS:
        sleep(REFRESH_S)
        done = daemon.pipeline.stats.events
        show(done / max(CLOCK.monotonic() - began, 0.1) if done < expected or not quiet else 0.0)
        quiet = quiet + 1 if done == last and done >= expected else 0
        last = done


def _view(daemon: Daemon, expected: int, rate: float) -> Table:
    stats, parts = daemon.pipeline.stats, daemon.pipeline.parts.copy()
    table = Table("events", "events/s", "lag", "keys", "findings", "forest", box=None, title="keywatch")
    keys = sum(len(part.key_ids) for part in parts.values())
    lag = expected - stats.events
    table.add_row(
        f"{stats.events:,}",
        f"{rate:,.0f}",
        f"{lag:,}",
        str(keys),
        str(stats.findings),
        daemon.forest_version or "-",
    )
    return table


def _report(config_file: Path, console: Console) -> None:
    found = open_office(config_file).cases.list(CaseState.OPEN)
    if not found:
        console.print("no alert: this stream is benign")
        return
    for case in found:
        console.print()
        print_case(case, console)
        console.print(_how_to_review(case), markup=False, highlight=False, soft_wrap=True)


def _how_to_review(case: Case) -> str:
    state = "is suspended" if case.suspended else "still works"
    return (
        f"\nThe key {case.key_id} {state}. On a real installation you would now review it:\n"
        f"  keywatch cases show {case.id}\n"
        f"  keywatch cases reinstate {case.id} --reason 'it was the customer' --false-positive\n"
        f"  keywatch cases confirm {case.id} --reason 'the owner says it leaked'\n"
        "To try that here: keywatch demo --keep"
    )
