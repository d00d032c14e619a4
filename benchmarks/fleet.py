"""A day's slice of a platform's traffic: many keys at their own rates, as wire-format JSON lines."""

from __future__ import annotations

from typing import Final

import numpy as np

KEYS: Final = 10_000
EVENTS_PER_S: Final = 579.0
"""50 million requests a day."""
START_MS: Final = 1_780_272_000_000


def fleet_events(count: int, seed: int = 1) -> list[bytes]:
    """``count`` events of 10,000 keys (Zipf-like rates) in time order, about 265 bytes each."""
    rng = np.random.default_rng(seed)
    weight = 1.0 / np.arange(1, KEYS + 1) ** 0.8
    keys = rng.choice(KEYS, count, p=weight / weight.sum())
    ts = START_MS + np.cumsum(rng.exponential(1000.0 / EVENTS_PER_S, count)).astype(np.int64)
    host = rng.integers(1, 5, count)
    path = rng.integers(0, 6, count)
    number = rng.integers(1, 10**6, count)
    status = rng.choice([200, 200, 200, 200, 201, 404, 429, 500], count)
    size = rng.lognormal(7, 1, count).astype(np.int64)
    latency = rng.lognormal(3, 0.5, count).round(1)
    columns = (a.tolist() for a in (keys, ts, host, path, number, status, size, latency))
    paths = ("items", "orders", "stock", "reports", "customers", "exports")
    return [
        (
            f'{{"ts":{t},"key_id":"key_{k:016d}","ip":"81.{k % 200}.{k // 200}.{h}","method":"GET",'
            f'"endpoint":"/v1/{paths[p]}/{n}","status":{s},"bytes_in":120,"bytes_out":{b},"latency_ms":{m},'
            f'"user_agent":"acme-sdk-python/2.{k % 9}.1","tenant":"tenant_{k % 997:04d}"}}'
        ).encode()
        for k, t, h, p, n, s, b, m in zip(*columns, strict=True)
    ]
