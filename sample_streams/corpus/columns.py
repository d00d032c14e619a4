"""Traffic drawn as columns, put in shipping order and written as native events."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sample_streams.corpus.plan import PLAN
from sample_streams.corpus.traffic import MINUTE_MS, Ints, Rng, Traffic
from sample_streams.model import START_MS

BLOCKS: Final = list(PLAN)
BLOCK_NUMBER: Final = {name: number for number, name in enumerate(BLOCKS)}
ROWS_AT_ONCE: Final = 100_000
SHIPPED_WITHIN_MS: Final = 5_000


@dataclass(slots=True)
class Columns:
    """Requests, n of them. ``party`` numbers the traffic, ``call`` and ``client`` count within it;
    ``address`` is block << 24 | network << 8 | host."""

    ts: Ints
    party: Ints
    address: Ints
    call: Ints
    client: Ints
    thing: Ints
    status: Ints
    bytes_in: Ints
    bytes_out: Ints
    latency: npt.NDArray[np.float64]

    def pick(self, rows: Any) -> Columns:
        """Some of the rows, in the order given."""
        return Columns(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def drawn(rng: Rng, traffic: Traffic, party: int) -> Columns:
    """All requests of one party."""
    ts = traffic.times(rng)
    ts = ts[(ts >= traffic.start * MINUTE_MS) & (ts < traffic.end * MINUTE_MS)]
    n = len(ts)
    call = _weighted(rng, [c.weight for c in traffic.calls], n)
    out = np.array([c.bytes_out for c in traffic.calls])[call] * traffic.bytes_factor
    into = np.array([c.bytes_in for c in traffic.calls])[call]
    status = _statuses(rng, traffic, ts)
    size = np.exp(rng.normal(0, 0.4, n))
    return Columns(
        ts=ts,
        party=np.full(n, party),
        address=_addresses(rng, traffic, ts),
        call=call,
        client=_weighted(rng, [w for _, w in traffic.clients], n),
        thing=_objects(rng, traffic, n),
        status=status,
        bytes_in=(into * size).astype(np.int64),
        bytes_out=np.where(status < 400, out * size, 120 + 40 * size).astype(np.int64),
        latency=np.round(np.exp(rng.normal(np.log(25), 0.3, n)) + out / 2e5, 1),
    )


def _weighted(rng: Rng, weights: Sequence[float], n: int) -> Ints:
    share = np.cumsum(np.array(weights, float))
    return np.minimum(np.searchsorted(share, rng.random(n) * share[-1], side="right"), len(share) - 1)


def _objects(rng: Rng, traffic: Traffic, n: int) -> Ints:
    if traffic.walks:
        return int(rng.integers(1000, 80_000)) + np.arange(n)
    popular = (traffic.pool * rng.random(n) ** 2).astype(np.int64)  # half of the requests to a quarter
    return (popular * 7919 + sum(traffic.key_id.encode()) * 104_729) % 1_000_003


def _statuses(rng: Rng, traffic: Traffic, ts: Ints) -> Ints:
    status = np.full(len(ts), 200)
    draw = rng.random(len(ts))
    for code, share in traffic.statuses:
        status[(draw >= 0) & (draw < share)] = code
        draw = draw - share
    for trouble in traffic.troubles:
        inside = (ts >= trouble.start * MINUTE_MS) & (ts < trouble.end * MINUTE_MS)
        status[inside & (rng.random(len(ts)) < trouble.share)] = trouble.status
    return status


def _addresses(rng: Rng, traffic: Traffic, ts: Ints) -> Ints:
    n = len(ts)
    sources = traffic.sources
    if traffic.moves_every_min:
        stretch = ts // int(traffic.moves_every_min * MINUTE_MS)
        drawn_for = _weighted(rng, [s.weight for s in sources], int(stretch[-1]) + 1 if n else 0)
        which = drawn_for[stretch] if n else np.zeros(0, np.int64)
    else:
        which = _weighted(rng, [s.weight for s in sources], n)
    block = np.array([BLOCK_NUMBER[s.block] for s in sources])[which]
    first = np.array([s.first for s in sources])[which]
    network = first + (rng.random(n) * np.array([s.networks for s in sources])[which]).astype(np.int64)
    host = (rng.random(n) * np.array([s.hosts for s in sources])[which]).astype(np.int64)
    return block << 24 | (network & 0xFFFF) << 8 | host


def shipped(rng: Rng, parties: Sequence[Traffic]) -> Columns:
    """All requests as a gateway ships them: up to five seconds out of order."""
    parts = [drawn(rng, traffic, number) for number, traffic in enumerate(parties)]
    whole = Columns(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Columns)})
    sent = whole.ts + rng.integers(0, SHIPPED_WITHIN_MS, len(whole.ts))
    return whole.pick(np.argsort(sent, kind="stable"))


def write_events(path: Path, columns: Columns, parties: Sequence[Traffic]) -> None:
    """Gzipped JSON lines; the same columns give the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 3, raw, mtime=0) as stream:
        for at in range(0, len(columns.ts), ROWS_AT_ONCE):
            rows = columns.pick(slice(at, at + ROWS_AT_ONCE))
            stream.write("".join(_lines(rows, parties)).encode())


def _lines(rows: Columns, parties: Sequence[Traffic]) -> Iterator[str]:
    codes, back = np.unique(rows.address, return_inverse=True)
    texts = [PLAN[BLOCKS[c >> 24]].address((c >> 8) & 0xFFFF, c & 0xFF) for c in codes.tolist()]
    who = [_words(traffic) for traffic in parties]
    for ts, party, ip, call, client, thing, status, into, out, took in zip(
        (rows.ts + START_MS).tolist(), rows.party.tolist(), back.tolist(), rows.call.tolist(),
        rows.client.tolist(), rows.thing.tolist(), rows.status.tolist(), rows.bytes_in.tolist(),
        rows.bytes_out.tolist(), rows.latency.tolist(), strict=True,
    ):  # fmt: skip
        head, calls, clients, tail = who[party]
        method, before, after, has_object = calls[call]
        middle = thing if has_object else ""
        yield (
            f'{{"ts":{ts},{head},"ip":"{texts[ip]}",{method},"endpoint":"{before}{middle}{after}",'
            f'"status":{status},"bytes_in":{into},"bytes_out":{out},"latency_ms":{took},'
            f'"user_agent":{clients[client]},{tail}}}\n'
        )


def _words(traffic: Traffic) -> tuple[str, list[tuple[str, str, str, bool]], list[str], str]:
    """The parts of a party's lines that do not change."""
    calls = []
    for call in traffic.calls:
        before, found, after = call.path.partition("{n}")
        calls.append((f'"method":"{call.method}"', before, after, bool(found)))
    clients = [json.dumps(name) for name, _ in traffic.clients]
    return f'"key_id":{json.dumps(traffic.key_id)}', calls, clients, f'"tenant":{json.dumps(traffic.tenant)}'
