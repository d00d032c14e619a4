"""Verifications a second and their latency, beside two ways in which it is commonly done.

``python -m benchmarks.verify [--keys N] [--requests N] [--rounds N]``, on one real Redis and one client,
in turn, ``rounds`` times; the median of each is shown. Figures compare only within one run.

- ping: one bare round trip, the floor;
- keywatch: :meth:`RedisKeyStore.verify` with scopes, a network and a rate limit;
- lookup + limiter + usage: the steps of Unkey's verification as its documentation describes them, each
  with the part that is made for it: SHA-256 of the key to its record, a fixed-window limiter, a usage
  write. Unkey itself uses a database with a cache, a limiter service and ClickHouse; here all three are
  the same Redis, so only the shape is compared;
- naive: the key's JSON blob read, its counters changed in Python, and written back whole.

All check the same: state, expiry, network, method and path, and count. ``Redis us`` is its own time, a
verification. Under ``kept`` is what holds when requests of one key meet: of 2,000 from 8 threads, how many
the usage count has. The second table has a quarter of a millisecond each way between client and Redis, as
in one data centre, where round trips are what costs.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import ipaddress
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from benchmarks.slow_network import delayed
from domain.secret import Secret
from keystore.hashing import Peppers
from keystore.issuing import KeySpec
from keystore.rate import RateLimit
from keystore.redis_store import RedisKeyStore
from keystore.request import Request
from keystore.results import Verified
from keystore.token import generate
from monitor.connect import connect_redis
from monitor.wiring import CLOCK
from tests.servers import server

READ: Final = Request("GET", "/v1/items/42", "198.18.3.7", "live")
LIMIT: Final = 1_000_000
THREADS: Final = 8
ONE_WAY_S: Final = 0.000_25
TOGETHER: Final = 2000


class Flow(Protocol):
    """One way to verify."""

    def fill(self, keys: int) -> list[Secret]:
        """Make keys; their secrets."""

    def verify(self, secret: Secret) -> bool:
        """Whether :data:`READ` may be made with this key."""

    def counted(self, secret: Secret) -> int:
        """How often it was used, as the store has it."""


class Keywatch:
    """Ours."""

    def __init__(self, redis: Any) -> None:
        self.store = RedisKeyStore(redis, CLOCK, Peppers.generate())
        self.ids: dict[Secret, str] = {}

    def fill(self, keys: int) -> list[Secret]:
        spec = KeySpec(
            "acme",
            "ops@acme.example",
            "ci",
            scopes=("GET,HEAD:/v1/items/**", "POST:/v1/orders"),
            networks=("198.18.0.0/16",),
            rate=RateLimit(10_000, 1, LIMIT),
        )
        self.ids = {issued.secret: issued.key_id for issued in self.store.issue_many([spec] * keys)}
        return list(self.ids)

    def verify(self, secret: Secret) -> bool:
        return isinstance(self.store.verify(secret, READ), Verified)

    def counted(self, secret: Secret) -> int:
        return sum(self.store.usage([self.ids[secret]])[0].days.values())


BLOB: Final = {
    "tenant": "acme",
    "owner": "ops@acme.example",
    "name": "ci",
    "state": "active",
    "expires": 4_102_444_800,
    "scopes": [["GET", "/v1/items/*"], ["POST", "/v1/orders"]],
    "networks": ["198.18.0.0/16"],
    "limit": LIMIT,
    "last_used": 0,
    "uses": {},
}


def allowed(blob: dict[str, Any], now: float) -> bool:
    """What both other flows check in Python."""
    address = ipaddress.ip_address(READ.ip)
    return (
        blob["state"] == "active"
        and blob["expires"] > now
        and any(address in ipaddress.ip_network(network) for network in blob["networks"])
        and any(m == READ.method and fnmatch.fnmatchcase(READ.path, p) for m, p in blob["scopes"])
    )


def sha256(secret: Secret) -> str:
    """Unkeyed, as these flows have it."""
    return hashlib.sha256(secret.reveal().encode()).hexdigest()


def blobs(redis: Any, flow: str, keys: int) -> list[Secret]:
    """A JSON blob for each of so many new secrets."""
    secrets = [generate() for _ in range(keys)]
    pipe = redis.pipeline(transaction=False)
    for secret in secrets:
        pipe.set(f"{flow}:{sha256(secret)}", json.dumps({"id": sha256(secret)[:16], **BLOB}))
    pipe.execute()
    return secrets


class Steps:
    """A look-up, a limiter, a usage write."""

    def __init__(self, redis: Any) -> None:
        self.redis = redis

    def fill(self, keys: int) -> list[Secret]:
        return blobs(self.redis, "steps", keys)

    def verify(self, secret: Secret) -> bool:
        now = CLOCK.now()
        raw = self.redis.get(f"steps:{sha256(secret)}")
        blob = json.loads(raw) if raw else None
        if blob is None or not allowed(blob, now):
            return False
        window = f"steps:limit:{blob['id']}:{int(now)}"
        limiter = self.redis.pipeline(transaction=False)
        limiter.incr(window)
        limiter.expire(window, 2)
        taken, _ = limiter.execute()
        usage = self.redis.pipeline(transaction=False)
        usage.hincrby(f"steps:use:{blob['id']}", time.strftime("%Y-%m-%d", time.gmtime(now)), 1)
        usage.hset(f"steps:use:{blob['id']}", "last", int(now))
        usage.execute()
        return bool(taken <= blob["limit"])

    def counted(self, secret: Secret) -> int:
        found = self.redis.hgetall(f"steps:use:{sha256(secret)[:16]}")
        return sum(int(count) for name, count in found.items() if name != b"last")


class Naive:
    """One JSON blob a key, read and rewritten each time."""

    def __init__(self, redis: Any) -> None:
        self.redis = redis

    def fill(self, keys: int) -> list[Secret]:
        return blobs(self.redis, "naive", keys)

    def verify(self, secret: Secret) -> bool:
        now = CLOCK.now()
        name = f"naive:{sha256(secret)}"
        raw = self.redis.get(name)
        blob = json.loads(raw) if raw else None
        if blob is None or not allowed(blob, now):
            return False
        day = time.strftime("%Y-%m-%d", time.gmtime(now))
        blob["uses"][day] = blob["uses"].get(day, 0) + 1
        blob["last_used"] = int(now)
        self.redis.set(name, json.dumps(blob))
        return bool(blob["uses"][day] <= blob["limit"])

    def counted(self, secret: Secret) -> int:
        return sum(json.loads(self.redis.get(f"naive:{sha256(secret)}"))["uses"].values())


FLOWS: Final[dict[str, Callable[[Any], Flow]]] = {
    "keywatch": Keywatch,
    "lookup + limiter + usage": Steps,
    "naive": Naive,
}


@dataclass(frozen=True)
class Round:
    """Of one flow in one round. Times in seconds."""

    rate: float
    p50: float
    p99: float
    server_s: float = 0.0
    """Of Redis' own time, a verification."""
    bytes_a_key: float = 0.0
    kept: int = 0


def timed(act: Callable[[int], object], times: int) -> list[float]:
    """How long each call took."""
    took = []
    for number in range(times):
        started = time.perf_counter()
        act(number)
        took.append(time.perf_counter() - started)
    return took


def measured(took: list[float]) -> Round:
    """Rate and percentiles."""
    cuts = statistics.quantiles(took, n=100)
    return Round(len(took) / sum(took), cuts[49], cuts[98])


def one_round(redis: Any, make: Callable[[Any], Flow], keys: int, requests: int) -> Round:
    """Fill, warm up, measure, and let eight threads meet on one key."""
    redis.flushall()
    empty = redis.info("memory")["used_memory"]
    flow = make(redis)
    secrets = flow.fill(keys)
    size = (redis.info("memory")["used_memory"] - empty) / keys
    chosen = random.Random(1).choices(secrets, k=requests)
    if not all(flow.verify(secret) for secret in chosen[:1000]):
        raise RuntimeError("a key was refused: the comparison would be worth nothing")
    redis.config_resetstat()
    times = measured(timed(lambda number: flow.verify(chosen[number]), requests))
    busy = sum(stat["usec"] for stat in redis.info("commandstats").values()) / 1e6 / requests
    (meeting,) = random.Random(2).sample(secrets, 1)
    before = flow.counted(meeting)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: flow.verify(meeting), range(TOGETHER)))
    kept = flow.counted(meeting) - before
    return Round(times.rate, times.p50, times.p99, busy, size, kept)


def compare(keys: int, requests: int, rounds: int) -> None:
    """Start Redis, run all in turn, print the table."""
    with tempfile.TemporaryDirectory() as folder, server("redis", Path(folder)) as url:
        print(f"{keys:,} keys, {requests:,} requests one after the other")
        show(in_turn(connect_redis(url), keys, requests, rounds), "on this machine")
        with delayed(url, ONE_WAY_S) as far:
            found = in_turn(connect_redis(far), keys, requests // 4, rounds)
            show(found, f"with {ONE_WAY_S * 1e6:.0f} us of network each way")


def in_turn(redis: Any, keys: int, requests: int, rounds: int) -> dict[str, list[Round]]:
    """Every flow, and again."""
    found: dict[str, list[Round]] = {"ping": [], **{name: [] for name in FLOWS}}
    for _ in range(rounds):
        found["ping"].append(measured(timed(lambda _: redis.ping(), requests)))
        for name, make in FLOWS.items():
            found[name].append(one_round(redis, make, keys, requests))
    return found


def show(found: dict[str, list[Round]], where: str) -> None:
    """The medians and the ratios."""
    print(f"\n{where}, median of {len(found['ping'])} rounds in turn")
    print(f"{'':26}{'/s':>8}{'p50 us':>9}{'p99 us':>9}{'Redis us':>10}{'bytes/key':>11}{'kept':>12}")
    typical = {}
    for name, all_rounds in found.items():

        def median(of: str, among: list[Round] = all_rounds) -> float:
            return statistics.median(getattr(r, of) for r in among)

        typical[name] = median("p50")
        line = f"{name:26}{median('rate'):8,.0f}{median('p50') * 1e6:9.0f}{median('p99') * 1e6:9.0f}"
        if name != "ping":
            line += f"{median('server_s') * 1e6:10.1f}{median('bytes_a_key'):11,.0f}"
            line += f"{median('kept'):7,.0f}/{TOGETHER:,}"
        print(line)
    ours = typical.pop("keywatch")
    print(f"at the median: {ours / typical.pop('ping'):.1f} bare round trips", end="")
    for name, other in typical.items():
        print(f", {other / ours:.2f} times as quick as {name}", end="")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    compare(wanted.keys, wanted.requests, wanted.rounds)


if __name__ == "__main__":
    main()
