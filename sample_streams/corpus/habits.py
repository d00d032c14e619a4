"""Honest keys: sixteen ways in which keys are really used, from a busy server to a weekly report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sample_streams.corpus.api import PRODUCTS, TOOLS, Mix, reading, sdk
from sample_streams.corpus.plan import CLOUD_REGIONS, OFFICES, PLAN, VPNS
from sample_streams.corpus.traffic import (
    DAY,
    HOUR,
    Cron,
    Rng,
    Source,
    Traffic,
    Trouble,
    office_hours,
    waves,
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: where it sits, what it buys, in which language it writes."""

    name: str
    country: str
    product: str
    language: str
    cloud: int
    region: str

    @property
    def shift(self) -> int:
        """Hours its local time is ahead of UTC, by longitude."""
        return round(PLAN[f"isp0-{self.country}"].lon / 15)


@dataclass(frozen=True, slots=True)
class Key:
    """An honest key: its traffic, its habit's name, the country it is mostly used from."""

    habit: str
    tenant: Tenant
    traffic: Traffic
    country: str

    @property
    def key_id(self) -> str:
        """The key's id."""
        return self.traffic.key_id


def tenant(rng: Rng, number: int) -> Tenant:
    """A random customer."""
    country = str(rng.choice(OFFICES))
    near = [r for r, place in CLOUD_REGIONS.items() if _far(place, country) < 45] or list(CLOUD_REGIONS)
    return Tenant(
        name=f"tenant-{number:03d}",
        country=country,
        product=str(rng.choice(list(PRODUCTS))),
        language=str(rng.choice(("python", "go", "node", "java"))),
        cloud=int(rng.integers(3)),
        region=str(rng.choice(near)),
    )


def _far(place: tuple[str, float, float], country: str) -> float:
    office = PLAN[f"isp0-{country}"]
    return abs(place[1] - office.lat) + abs(place[2] - office.lon)


def _rate(rng: Rng, low: float, high: float) -> float:
    """Log-uniform: most keys are small."""
    return float(low * (high / low) ** rng.random())


def _base(rng: Rng, t: Tenant, key_id: str, days: tuple[int, int]) -> Traffic:
    calls = _own_mix(rng, PRODUCTS[t.product])
    return Traffic(
        key_id, t.name, 1.0, (), ((sdk(t.language), 1.0),), calls,
        start=days[0] * DAY, end=days[1] * DAY,
        pool=int(_rate(rng, 40, 20_000)), burst=_rate(rng, 1.0, 8.0), hourly=_rate(rng, 6.0, 30.0),
    )  # fmt: skip


def _own_mix(rng: Rng, mix: Mix) -> Mix:
    """The product's endpoints with the key's own weights; a third of the keys only read."""
    if rng.random() < 0.35 and any(not call.writes for call in mix):
        mix = reading(mix)
    return tuple(replace(call, weight=call.weight * _rate(rng, 0.4, 2.5)) for call in mix)


def _cloud(rng: Rng, t: Tenant, region: str = "", networks: int = 0, weight: float = 1.0) -> Source:
    return Source(
        f"cloud{t.cloud}-{region or t.region}", weight, networks or int(rng.integers(1, 4)),
        int(rng.integers(1, 7)), int(rng.integers(4)),
    )  # fmt: skip


def _office(rng: Rng, t: Tenant, country: str = "", weight: float = 1.0) -> Source:
    return Source(f"isp0-{country or t.country}", weight, 1, int(rng.integers(1, 4)), int(rng.integers(4)))


def _server(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    return replace(
        base, per_minute=_rate(rng, 0.03, 0.9), sources=(_cloud(rng, t),),
        week=waves(float(rng.uniform(0, 0.4)), 14 - t.shift, float(rng.uniform(0.6, 1.0))),
    )  # fmt: skip


def _hot_server(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    return replace(_server(rng, t, base), per_minute=_rate(rng, 3.0, 7.0), burst=8.0)


def _multi_region(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    regions = rng.choice(list(CLOUD_REGIONS), int(rng.integers(3, 6)), replace=False)
    sources = tuple(_cloud(rng, t, str(r), weight=_rate(rng, 0.3, 3)) for r in regions)
    return replace(base, per_minute=_rate(rng, 0.1, 0.9), sources=sources, week=waves(0.3, 15))


def _backend(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    return replace(
        base, per_minute=_rate(rng, 0.05, 0.8), sources=(_cloud(rng, t),),
        week=waves(float(rng.uniform(0.5, 0.85)), 20 - t.shift, float(rng.uniform(1.0, 1.4))),
    )  # fmt: skip


def _in_office(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    return replace(
        base, per_minute=_rate(rng, 0.08, 0.8), sources=(_office(rng, t),),
        week=office_hours(t.shift, int(rng.integers(7, 10)), int(rng.integers(17, 20))),
        session=(float(rng.uniform(15, 60)), float(rng.uniform(10, 60))),
    )  # fmt: skip


def _worker(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    """People at home, and on the exits of one VPN in the countries nearby."""
    vpn = int(rng.integers(1, 3))
    exits = [Source(f"vpn{vpn}-{c}", 0.2) for c in rng.choice(VPNS, 2, replace=False)]
    home = Source(f"home-{t.country}", 1.0, int(rng.integers(2, 7)), 2, int(rng.integers(18)))
    return replace(_in_office(rng, t, base), sources=(home, *exits))


def _mobile(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    """An app on telephones: carriers and homes all over a country."""
    sources = (Source(f"mobile-{t.country}", 3, 48, 200), Source(f"home-{t.country}", 2, 24, 200))
    return replace(
        base, per_minute=_rate(rng, 0.1, 0.8), sources=sources, week=waves(0.7, 19 - t.shift, 1.2),
        clients=(("AcmeApp/5.2.0 (Android 14)", 6), ("AcmeApp/5.2.0 (iOS 17.4)", 4)),
    )  # fmt: skip


def _everywhere(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    """A key inside a product that customers run themselves: many countries, networks and clients."""
    countries = rng.choice(OFFICES, int(rng.integers(8, 15)), replace=False)
    sources = tuple(Source(f"isp{i % 2}-{c}", _rate(rng, 0.1, 3), 4, 8) for i, c in enumerate(countries))
    clients = (*((sdk(t.language, f"2.{v}.0"), float(v)) for v in range(1, 5)), (TOOLS[0], 1.0))
    return replace(
        base, per_minute=_rate(rng, 0.1, 0.7), sources=sources, clients=clients, week=waves(0.3, 14)
    )


def _cron(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    every, requests = ((5, 2.0), (10, 4.0), (15, 6.0), (60, 25.0), (60, 8.0))[int(rng.integers(5))]
    cron = Cron(every, requests, float(rng.uniform(0, every)), float(rng.uniform(0.2, 1.5)), 0.08)
    return replace(base, sources=(_cloud(rng, t, networks=1),), cron=cron)


def _nightly(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    cron = Cron(DAY, _rate(rng, 60, 400), float(rng.uniform(0, 5) - t.shift) * HOUR % DAY, 0.8, 0.15)
    return replace(base, sources=(_cloud(rng, t, networks=1),), cron=cron, bytes_factor=4.0)


def _weekly(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    at = float(rng.integers(5) * DAY + (6 - t.shift) * HOUR) % (7 * DAY)
    cron = Cron(7 * DAY, _rate(rng, 80, 400), at, 1.0, 0.1)
    return replace(base, sources=(_office(rng, t),), cron=cron, bytes_factor=3.0)


def _ci(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    """Build machines: another cloud address for every run."""
    source = Source(f"cloud{t.cloud}-{t.region}", 1.0, 4, 120)
    return replace(
        base, per_minute=_rate(rng, 0.1, 0.6), sources=(source,), session=(4, 40), burst=1.0,
        week=office_hours(t.shift, 8, 19, edge=0.3),
    )  # fmt: skip


def _bursty(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    """Batches by hand: a few hundred requests, then nothing for hours, at any hour of the day."""
    return replace(
        base, per_minute=_rate(rng, 0.06, 0.3), sources=(_cloud(rng, t, networks=2),),
        session=(float(rng.uniform(6, 20)), float(rng.uniform(200, 500))), burst=2.0,
    )  # fmt: skip


def _developer(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    home = Source(f"home-{t.country}", 0.7, 1, 1, int(rng.integers(24)))
    clients = ((sdk(t.language), 5.0), ("curl/8.5.0", 2.0), ("PostmanRuntime/7.37.0", 1.0))
    return replace(
        base, per_minute=_rate(rng, 0.01, 0.06), sources=(_office(rng, t), home), clients=clients,
        session=(10, 60), week=office_hours(t.shift, 8, 20, edge=0.4),
        statuses=((404, 0.03), (400, 0.03), (401, 0.01)),
    )  # fmt: skip


def _ipv6(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    cloud = Source(f"cloud{t.cloud}-{t.region}-v6", 1.0, 2, 40)
    office = Source(f"isp0-{t.country}-v6", 0.5, 2, 200)
    return replace(
        base, per_minute=_rate(rng, 0.05, 0.6), sources=(cloud, office), week=waves(0.3, 14 - t.shift)
    )


def _traveller(rng: Rng, t: Tenant, base: Traffic) -> Traffic:
    """A consultant: another city every two days."""
    countries = [t.country, *rng.choice(OFFICES, 5, replace=False)]
    sources = tuple(Source(f"isp1-{c}", 1.0, 2, 2) for c in countries)
    made = _developer(rng, t, base)
    return replace(made, per_minute=0.05, sources=sources, moves_every_min=2 * DAY)


HABITS: Final[dict[str, tuple[float, Callable[[Rng, Tenant, Traffic], Traffic]]]] = {
    "server": (18, _server),
    "hot server": (1.5, _hot_server),
    "multi region": (7, _multi_region),
    "backend": (9, _backend),
    "office": (15, _in_office),
    "worker": (6, _worker),
    "mobile": (5, _mobile),
    "everywhere": (3, _everywhere),
    "cron": (10, _cron),
    "nightly": (4, _nightly),
    "weekly": (2, _weekly),
    "ci": (4, _ci),
    "bursty": (4, _bursty),
    "developer": (9, _developer),
    "ipv6": (4, _ipv6),
    "traveller": (1, _traveller),
}
"""Habit -> share of the fleet, and how its traffic is made."""


def key(rng: Rng, t: Tenant, key_id: str, days: tuple[int, int], habits: tuple[str, ...] = ()) -> Key:
    """A random key in use from the first of ``days`` to the last, of one of ``habits`` if given."""
    names = list(habits or HABITS)
    shares = [HABITS[name][0] for name in names]
    habit = names[int(rng.choice(len(names), p=[s / sum(shares) for s in shares]))]
    traffic = HABITS[habit][1](rng, t, _base(rng, t, key_id, days))
    traffic = replace(traffic, troubles=_troubles(rng, days))
    return Key(habit, t, traffic, PLAN[traffic.sources[0].block].country)


def _troubles(rng: Rng, days: tuple[int, int]) -> tuple[Trouble, ...]:
    """What goes wrong without anybody's malice: a server error or a missing object now and then."""
    out = []
    for _ in range(int(rng.poisson((days[1] - days[0]) / 12))):
        start = float(rng.uniform(days[0] * DAY, days[1] * DAY))
        status, share = ((500, 0.6), (503, 0.9), (404, 0.3), (429, 0.3))[
            int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))
        ]
        out.append(Trouble(start, start + float(rng.uniform(4, 40)), status, share))
    return tuple(out)


def by_hand(rng: Rng, key: Key) -> Traffic | None:
    """Somebody tries something with curl from the key's own network: a few requests every few days."""
    if key.habit not in ("office", "developer", "worker", "bursty") or rng.random() > 0.5:
        return None
    return replace(
        key.traffic, per_minute=1 / DAY, session=(8, 3 * DAY), cron=None, clients=(("curl/8.5.0", 1.0),),
        week=office_hours(key.tenant.shift), troubles=(), statuses=((404, 0.1), (400, 0.1)), pool=5,
    )  # fmt: skip
