"""Real requests with known takeovers: clients of an access log are keys, and two swap theirs midway.

``python -m benchmarks.splices ACCESS_LOG [--cloudtrail FILE] [--rounds N] [--keep DIR]``. In every round,
half of the clients that are busy before and after the middle of the log are paired at random, and from
the middle on each one's requests are made with the other's key. The rest is honest. A CloudTrail file is
replayed as it is, and the keys that alerts are made of are counted. Key-days are those of clients with 30
requests or more; an alert on any other counts as false all the same.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.console import Console

from alerting.policy import load_policy
from domain.event import UsageEvent
from monitor.config import Config
from monitor.decode.combined import parse
from monitor.evaluation.labels import FILE, Case, Labels, corpora
from monitor.evaluation.report import evaluate, show
from monitor.evaluation.run import play_all
from monitor.replay import Replay
from monitor.source.dead_letter import NullDeadLetters

BEFORE: Final = 30
AFTER: Final = 10
"""Requests of a client before and after the middle, to take part in a swap."""
SEED: Final = 1
DAY_MS: Final = 86_400_000


def events_of(log: Path) -> list[UsageEvent]:
    """The log's requests in order of time; lines of another shape are left out."""
    with gzip.open(log) if log.suffix == ".gz" else log.open("rb") as lines:
        found = [event for line in lines for event in _parsed(line)]
    return sorted(found, key=lambda event: float(event.ts))


def _parsed(line: bytes) -> tuple[UsageEvent, ...]:
    try:
        return parse(line)
    except ValueError:
        return ()


def spliced(events: list[UsageEvent], rng: np.random.Generator, folder: Path) -> None:
    """Write one round as a corpus."""
    times = np.array([float(event.ts) for event in events]) * 1000
    middle = (times[0] + times[-1]) / 2
    swap = _pairs(events, times < middle, rng)
    written, offsets = [], dict[str, list[int]]()
    for number, (event, at) in enumerate(zip(events, times.tolist(), strict=True)):
        key_id = event.key_id
        if at >= middle and key_id in swap:
            key_id = swap[key_id]
            offsets.setdefault(key_id, []).append(number)
        written.append(msgspec.structs.replace(event, ts=int(at), key_id=key_id))
    folder.mkdir(parents=True)
    encode = msgspec.json.Encoder().encode
    (folder / "events.jsonl.gz").write_bytes(
        gzip.compress(b"".join(encode(e) + b"\n" for e in written), mtime=0)
    )
    cases = [_case(key_id, rows, times) for key_id, rows in sorted(offsets.items())]
    requests = Counter(event.key_id for event in written)
    labels = Labels(
        version=1,
        seed=SEED,
        size="spliced",
        events="events.jsonl.gz",
        start_ms=int(times[0]),
        end_ms=int(times[-1]),
        warm_up_days=1.0,
        keys={key_id: "client" for key_id, n in sorted(requests.items()) if n >= BEFORE},
        cases=cases,
    )
    (folder / FILE).write_bytes(msgspec.json.encode(labels))


def _pairs(events: list[UsageEvent], early: Any, rng: np.random.Generator) -> dict[str, str]:
    counts: dict[str, list[int]] = {}
    for event, before in zip(events, early.tolist(), strict=True):
        counts.setdefault(event.key_id, [0, 0])[0 if before else 1] += 1
    able = sorted(k for k, (before, after) in counts.items() if before >= BEFORE and after >= AFTER)
    drawn = rng.permutation(able)[: len(able) // 4 * 2].tolist()
    halves = zip(drawn[::2], drawn[1::2], strict=True)
    return {a: b for pair in halves for a, b in (pair, pair[::-1])}


def _case(key_id: str, rows: list[int], times: Any) -> Case:
    return Case(
        id=f"swap-{key_id}",
        kind="takeover of a real client",
        verdict="attack",
        strength="medium",
        keys=[key_id],
        start_ms=int(times[rows[0]]),
        end_ms=int(times[rows[-1]]),
        offsets=rows,
    )


def cloudtrail(path: Path, console: Console) -> None:
    """Replay a CloudTrail file and say on how many keys alerts are made."""
    player = Replay([path], "cloudtrail", Config(), load_policy(None), NullDeadLetters())
    found = [outcome for few in player.run() for outcome in few]
    alerts = [outcome.finding for outcome in found if outcome.decision.action.rank >= 1]
    by = sorted({(f.key_id, f.detector) for f in alerts})
    console.print(
        f"CloudTrail: {player.stats.events} events of {player.keys} keys, {len(found)} findings, alerts on "
        f"{len({f.key_id for f in alerts})} keys: {', '.join(f'{k} ({d})' for k, d in by) or 'none'}"
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.splices", description=__doc__)
    parser.add_argument("log", type=Path, help="access log in the combined format, plain or .gz")
    parser.add_argument("--cloudtrail", type=Path, help="CloudTrail records, JSON lines, plain or .gz")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--keep", type=Path, help="keep the spliced corpora in this folder")
    wanted = parser.parse_args()
    events, console = events_of(wanted.log), Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = wanted.keep or Path(scratch)
        for number in range(wanted.rounds):
            spliced(events, np.random.default_rng([SEED, number]), folder / f"round-{number}")
        played = play_all(corpora(folder), Config(), load_policy(None), 1, console)
        show(console, evaluate(played))
    if wanted.cloudtrail:
        cloudtrail(wanted.cloudtrail, console)


if __name__ == "__main__":
    main()
