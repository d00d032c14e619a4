"""The console and its API on a full Redis: how long each page and route takes, and how often it asks Redis.

``make bench-console`` or ``python -m benchmarks.console [--keys N] [--cases N] [--requests N]``. A real
``redis-server`` is filled with profiles, cases, findings, incidents and audit entries, then ``keywatch run
--role console`` answers over HTTP (uvicorn, one process) to one person who asks for one thing after another,
logged in by a cookie for pages and by a token for the API.

Round trips are counted on the wire to Redis in a second run of the same process, the fewest of a few tries,
as its own periodic jobs ask too. "CPU" is what that process computes a request, to about a millisecond, and
says most on a machine that does other things as well. Figures compare only within one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.console_state import Size, fill, key_name
from benchmarks.round_trips import Counter, counted
from console.access.person import AccessRole
from console.access.tokens import new_token
from monitor.config import Config, RedisConfig
from monitor.connect import connect_redis
from monitor.embedded import free_port
from tests.processes import running, until
from tests.servers import redis_server

TRIES: Final = 7
"""Of which the fewest round trips are shown."""
WARM: Final = 3
API: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds of one route, those that its process computes, bytes of its answer, its round trips."""

    path: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    size: int
    round_trips: int


def routes(api: httpx.Client) -> list[str]:
    """Every page and the main API routes, with ids that exist, from the newest to deep in the past."""
    case = api.get(f"{API}/cases").json()["items"][0]
    incident = api.get(f"{API}/incidents").json()["items"][0]["id"]
    key, deep = key_name(97), _deep(api, f"{API}/cases", 100)
    pages = ["/", "/overview/live", "/cases", f"/cases?cursor={deep}", f"/cases/{case['id']}", "/incidents"]
    pages += [f"/incidents/{incident}", "/findings", "/keys", f"/key?id={key}", "/detectors", "/silences"]
    pages += ["/policy", "/audit", f"/search?q={case['id']}", "/guide"]
    api_routes = ["overview", "health", "precision", "cases", f"cases?cursor={deep}", "cases?state=open"]
    api_routes += ["cases?tenant=tenant-7", f"cases/{case['id']}", "incidents", f"incidents/{incident}"]
    api_routes += ["findings", "findings?tenant=tenant-7", "keys", f"key?key_id={key}", "silences", "policy"]
    api_routes += ["audit"]
    return [*pages, *(f"{API}/{route}" for route in api_routes)]


def _deep(api: httpx.Client, path: str, pages: int) -> str:
    """The cursor so many pages down, or at the last but one."""
    cursor = ""
    for _ in range(pages):
        found = api.get(path, params={"cursor": cursor} if cursor else {}).json()["next"]
        if not found:
            return cursor
        cursor = found
    return cursor


class Visitor:
    """Somebody who may look at everything. ``process`` is who answers."""

    def __init__(self, base: str, token: str, process: int) -> None:
        self.process = process
        self.api = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        self.pages = httpx.Client(base_url=base, timeout=60)
        answer = self.pages.post("/login", data={"token": token}, headers={"Origin": base})
        assert answer.status_code == 303, answer.text

    def get(self, path: str) -> httpx.Response:
        client = self.api if path.startswith(API) else self.pages
        answer = client.get(path)
        assert answer.status_code == (303 if path.startswith("/search") else 200), (
            path,
            answer.status_code,
            answer.text[:500],
        )
        return answer


@contextmanager
def console(directory: Path, redis_url: str) -> Iterator[Visitor]:
    """``keywatch run --role console``, and somebody logged in."""
    port = free_port()
    token, line = new_token("mary@shop.example", AccessRole.ADMIN)
    (directory / "tokens.yaml").write_text(line)
    base = f"http://127.0.0.1:{port}"
    settings = {
        "redis": {"url": redis_url},
        "alert": {"console_url": base},
        "console": {
            "port": port,
            "tokens_file": str(directory / "tokens.yaml"),
            "cookie_secure": False,
            "rate_per_min": 1_000_000,
        },
    }
    path = directory / "keywatch.yaml"
    path.write_text(json.dumps(settings))
    with running(directory / "log", "run", "--role", "console", "-c", str(path)) as process:
        until(lambda: _answers(base), process, "the console answers")
        yield Visitor(base, token.reveal(), process.pid)


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}{API}/openapi.json").status_code == 200
    except httpx.TransportError:
        return False


def cpu_s(process: int) -> float:
    """Seconds of CPU that a process has used, by the kernel's clock ticks."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(
    visitor: Visitor, paths: Sequence[str], requests: int
) -> dict[str, tuple[float, float, float, int]]:
    """Median, 95th percentile and CPU in milliseconds, and the size of the answer."""
    out = {}
    for path in paths:
        for _ in range(WARM):
            size = len(visitor.get(path).content)
        took, cpu = [], cpu_s(visitor.process)
        for _ in range(requests):
            began = time.perf_counter()
            visitor.get(path)
            took.append((time.perf_counter() - began) * 1000)
        cuts = statistics.quantiles(took, n=20)
        used_ms = (cpu_s(visitor.process) - cpu) / requests * 1000
        out[path] = (statistics.median(took), cuts[18], used_ms, size)
    return out


def asked(visitor: Visitor, paths: Sequence[str], counter: Counter) -> dict[str, int]:
    """Round trips to Redis."""
    out = {}
    for path in paths:
        visitor.get(path)
        found = []
        for _ in range(TRIES):
            before = counter.questions
            visitor.get(path)
            found.append(counter.questions - before)
        out[path] = min(found)
    return out


def measured(redis_url: str, requests: int) -> list[Timed]:
    """All routes."""
    with tempfile.TemporaryDirectory() as directory, console(Path(directory), redis_url) as visitor:
        paths = routes(visitor.api)
        times = timed(visitor, paths, requests)
    with (
        tempfile.TemporaryDirectory() as directory,
        counted(redis_url) as (through, counter),
        console(Path(directory), through) as visitor,
    ):
        trips = asked(visitor, paths, counter)
    return [Timed(path, *times[path], trips[path]) for path in paths]


def table(found: Sequence[Timed]) -> str:
    """As Markdown."""
    lines = [
        "| page or route | p50 ms | p95 ms | CPU ms | kB | round trips |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        shown = _shown(one.path)
        times = f"{one.p50_ms:.1f} | {one.p95_ms:.1f} | {one.cpu_ms:.0f}"
        numbers = f"{times} | {one.size / 1000:.0f} | {one.round_trips}"
        lines.append(f"| `{shown}` | {numbers} |")
    return "\n".join(lines)


def _shown(path: str) -> str:
    """The path without its ids, and API routes without their prefix's version of them."""
    head, mark, query = path.partition("?")
    parts = ["ID" if part.startswith(("case_", "inc_")) else part for part in head.split("/")]
    name, equals, _ = query.partition("=")
    kept = (
        query
        if name in ("state", "tenant")
        else f"{name}{equals}" + ("100 pages down" if name == "cursor" else "ID")
    )
    return "/".join(parts) + (f"{mark}{kept}" if mark else "")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=200)
    asked_for = parser.parse_args(arguments)
    size = Size(asked_for.keys, asked_for.cases)
    with tempfile.TemporaryDirectory() as directory, redis_server(Path(directory)) as url:
        client: Any = connect_redis(url, 60.0)
        took_s = fill(Config(redis=RedisConfig(url=url)), client, size)
        used = client.info("memory")["used_memory"] / 1e9
        print(
            f"{size.keys:,} keys, {size.cases:,} cases: {used:.2f} GB of Redis, written in {took_s:.0f} s\n"
        )
        print(table(measured(url, asked_for.requests)))
        client.close()


if __name__ == "__main__":
    main()
