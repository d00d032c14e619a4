"""Traffic models: what a key does when nothing is wrong, and what is done with it when something is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sample_streams.networks import PLAN

Rng = np.random.Generator
Event = dict[str, Any]

START_MS: Final = 1_780_272_000_000
"""Monday 2026-06-01 00:00 UTC."""
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000

ENDPOINTS: Final = {
    "shop": (
        ("GET", "/v1/items/{n}", 60),
        ("GET", "/v1/orders/{n}", 25),
        ("POST", "/v1/orders", 10),
        ("GET", "/v1/stock", 5),
    ),
    "reports": (("GET", "/v1/reports", 40), ("GET", "/v1/reports/{n}/rows", 55), ("POST", "/v1/reports", 5)),
    "thief": (("GET", "/v1/customers/{n}", 70), ("GET", "/v1/exports/{n}", 20), ("GET", "/v1/keys", 10)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of one party with one key: ``per_minute`` on average, over ``networks`` by weight.

    ``day`` is the depth of the daily wave (0 flat, 1 silent at night), ``busy`` its hour (UTC);
    ``size`` the gamma shape of the minute's rate (small = bursty); ``ramp`` a factor by hour.
    """

    key_id: str
    tenant: str
    per_minute: float
    networks: dict[str, float]
    client: str = "acme-sdk-python/2.4.1"
    endpoints: str = "shop"
    prefixes: int = 1
    day: float = 0.0
    busy: float = 14.0
    size: float = 6.0
    errors: float = 0.01
    bytes_out: float = 900.0
    from_h: float = 0.0
    to_h: float = 48.0
    ramp: Callable[[float], float] = field(default=lambda _hour: 1.0)

    def events(self, rng: Rng) -> list[Event]:
        """All its requests, in no particular order."""
        minutes = np.arange(round(self.from_h * 60), round(self.to_h * 60))
        hours = minutes / 60.0
        wave = 1 + self.day * np.cos((hours - self.busy) * np.pi / 12)
        factor = np.array([self.ramp(h) for h in hours.tolist()])
        rate = self.per_minute * wave * factor * rng.gamma(self.size, 1 / self.size, len(minutes))
        counts = rng.poisson(rate)
        times = np.repeat(minutes, counts) * MINUTE_MS + rng.integers(0, MINUTE_MS, counts.sum())
        return self._requests(rng, times)

    def _requests(self, rng: Rng, times: npt.NDArray[np.int64]) -> list[Event]:
        n = len(times)
        names = list(self.networks)
        weights = np.array([self.networks[name] for name in names])
        where = rng.choice(len(names), n, p=weights / weights.sum())
        mix = ENDPOINTS[self.endpoints]
        share = np.array([w for *_, w in mix], float)
        what = rng.choice(len(mix), n, p=share / share.sum())
        numbers, prefixes = rng.integers(1, 100_000, n), rng.integers(0, self.prefixes, n)
        hosts, failed = rng.integers(1, 4, n), rng.random(n) < self.errors
        sizes = np.exp(rng.normal(np.log(self.bytes_out), 0.4, n)).astype(int)
        took = np.round(np.exp(rng.normal(np.log(25), 0.3, n)), 1)
        return [
            {
                "ts": START_MS + int(times[i]),
                "key_id": self.key_id,
                "ip": PLAN[names[where[i]]].address(int(prefixes[i]), int(hosts[i])),
                "method": mix[what[i]][0],
                "endpoint": mix[what[i]][1].replace("{n}", str(numbers[i])),
                "status": 404 if failed[i] else 200,
                "bytes_out": int(sizes[i]),
                "latency_ms": float(took[i]),
                "user_agent": self.client,
                "tenant": self.tenant,
            }
            for i in range(n)
        ]


def background(rng: Rng, keys: int = 14) -> list[Traffic]:
    """Honest keys of two tenants: offices by day, servers around the clock."""
    out = []
    for i in range(keys):
        server = i % 3 != 0
        place = (
            ("cloud-us", "cloud-eu", "cloud-ap")[i % 3]
            if server
            else ("office-nl", "office-de", "office-us")[i % 3]
        )
        out.append(
            Traffic(
                key_id=f"key_{'srv' if server else 'off'}{i:02d}",
                tenant="acme" if i % 2 else "globex",
                per_minute=float(rng.uniform(0.15, 0.6)),
                networks={place: 1.0},
                endpoints="reports" if i % 4 == 0 else "shop",
                client="acme-sdk-go/1.9.0" if i % 2 else "acme-sdk-python/2.4.1",
                prefixes=2 if server else 1,
                day=0.0 if server else 0.9,
            )
        )
    return out


def ordered(rng: Rng, parties: list[Traffic]) -> list[Event]:
    """All requests by time, as a gateway ships them: up to five seconds out of order."""
    events = [event for party in parties for event in party.events(rng)]
    shipped = np.array([e["ts"] for e in events]) + rng.integers(0, 5000, len(events))
    return [events[i] for i in np.argsort(shipped, kind="stable")]
