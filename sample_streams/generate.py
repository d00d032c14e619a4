"""Makes the sample streams: ``python -m sample_streams.generate [NAME ...]``. Same seed, same bytes."""

from __future__ import annotations

import argparse
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from sample_streams import FOLDER, GEO
from sample_streams.model import Event, Rng, Traffic, background, ordered
from sample_streams.networks import PLAN, write_mmdb

SEED: Final = 20_260_601
VICTIM: Final = Traffic("key_victim", "acme", 4.0, {"cloud-eu": 1.0}, prefixes=2)


def steady(rng: Rng) -> list[Traffic]:
    return [*background(rng), VICTIM]


def diurnal_multi_region(rng: Rng) -> list[Traffic]:
    everywhere = {"cloud-us": 4.0, "cloud-eu": 3.0, "cloud-ap": 2.0, "office-nl": 1.0}
    return [*background(rng), replace(VICTIM, networks=everywhere, day=0.7, per_minute=6.0)]


def stolen_key_new_country(rng: Rng) -> list[Traffic]:
    thief = replace(
        VICTIM, per_minute=90.0, networks={"host-ru": 1.0}, client="python-requests/2.31.0",
        endpoints="thief", errors=0.2, bytes_out=6000.0, from_h=44.0, to_h=44.5,
    )  # fmt: skip
    return [*steady(rng), thief]


def volume_spike(rng: Rng) -> list[Traffic]:
    return [*steady(rng), replace(VICTIM, per_minute=600.0, from_h=45.0, to_h=45.15)]


def slow_ramp(rng: Rng) -> list[Traffic]:
    extra = replace(VICTIM, per_minute=1.0, from_h=36.0, to_h=48.0, ramp=lambda h: 1.45 ** (h - 36.0))
    return [*steady(rng), extra]


def low_and_slow_hosting(rng: Rng) -> list[Traffic]:
    thief = replace(
        VICTIM, per_minute=0.4, networks={"host-ro": 1.0}, client="Go-http-client/1.1",
        endpoints="thief", from_h=36.0, to_h=48.0, prefixes=1,
    )  # fmt: skip
    return [*steady(rng), thief]


def rotating_proxies(rng: Rng) -> list[Traffic]:
    proxies = {name: 1.0 for name in PLAN if name.startswith("proxy-")}
    thief = replace(
        VICTIM, per_minute=40.0, networks=proxies, prefixes=10, client="okhttp/4.12.0",
        endpoints="thief", errors=0.1, from_h=45.0, to_h=45.5,
    )  # fmt: skip
    return [*steady(rng), thief]


def deploy_new_region(rng: Rng) -> list[Traffic]:
    new = replace(VICTIM, per_minute=2.0, networks={"cloud-jp": 1.0}, from_h=40.0)
    return [*steady(rng), new]


def marketing_peak(rng: Rng) -> list[Traffic]:
    peak = replace(
        VICTIM, per_minute=16.0, from_h=40.0, to_h=42.0, ramp=lambda h: min(1.0, (h - 40.0) * 4 + 0.1)
    )
    return [*steady(rng), peak]


def cold_keys(rng: Rng) -> list[Traffic]:
    fresh = [
        Traffic(
            key_id=f"key_new{i:02d}",
            tenant="initech",
            per_minute=float(rng.uniform(0.5, 4)),
            networks={("cloud-us", "office-gb")[i % 2]: 1.0},
            from_h=float(rng.uniform(30, 44)),
        )
        for i in range(20)
    ]
    return [*steady(rng), *fresh]


SCENARIOS: Final[dict[str, Callable[[Rng], list[Traffic]]]] = {
    make.__name__: make
    for make in (
        steady, diurnal_multi_region, stolen_key_new_country, volume_spike, slow_ramp,
        low_and_slow_hosting, rotating_proxies, deploy_new_region, marketing_peak, cold_keys,
    )
}  # fmt: skip


def events_of(name: str, seed: int = SEED) -> list[Event]:
    """The events of a scenario in shipping order."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return ordered(rng, SCENARIOS[name](rng))


def packed(name: str, seed: int = SEED) -> bytes:
    """The scenario's file: gzipped JSON lines, the same bytes every time."""
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events_of(name, seed))
    return gzip.compress(lines.encode(), 9, mtime=0)


def main() -> None:
    """Write the MMDB and the named scenarios, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(SCENARIOS), help="scenarios to make (default: all)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=FOLDER)
    wanted = parser.parse_args()
    write_mmdb(wanted.out / GEO.name)
    for name in wanted.names:
        folder = wanted.out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "events.jsonl.gz").write_bytes(packed(name, wanted.seed))


if __name__ == "__main__":
    main()
