"""Honest changes: what owners do with their keys that is not what they did before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from sample_streams.corpus.api import RELEASED, sdk
from sample_streams.corpus.habits import Key
from sample_streams.corpus.plan import CLOUD_REGIONS, OFFICES, PLAN
from sample_streams.corpus.plot import Plot, Scene, Script, boosted, busy_rate, silenced
from sample_streams.corpus.traffic import DAY, HOUR, Cron, Source, Traffic

CLOUD: Final = ("server", "backend", "multi region", "hot server")
PEOPLE: Final = ("office", "worker")


def _from(scene: Scene, **changes: Any) -> Plot:
    """The key's traffic until the change, and with ``changes`` after it."""
    before = replace(scene.base, end=scene.start)
    return Plot((before, replace(scene.base, start=scene.start, end=scene.last, **changes)), end=scene.last)


def _beside(scene: Scene, extra: Traffic) -> Plot:
    return Plot((scene.base, extra), end=extra.end)


def new_region(scene: Scene) -> Plot:
    """The service moves a third of its traffic to another region of its cloud."""
    cloud = scene.base.sources[0].block.partition("-")[0]
    used = {s.block for s in scene.base.sources}
    regions = [r for r in CLOUD_REGIONS if f"{cloud}-{r}" not in used]
    total = sum(s.weight for s in scene.base.sources)
    new = Source(f"{cloud}-{scene.rng.choice(regions)}", total / 2, 2, 4)
    return _from(scene, sources=(*scene.base.sources, new))


def deploy(scene: Scene) -> Plot:
    """A new version of the client, and of the program: another mix of the same endpoints."""
    factors = np.exp(scene.rng.normal(0, 0.4, len(scene.base.calls)))
    calls = tuple(
        replace(c, weight=c.weight * float(f)) for c, f in zip(scene.base.calls, factors, strict=True)
    )
    return _from(scene, calls=calls, clients=((sdk(scene.key.tenant.language, "2.5.0"), 1.0),))


def client_upgrade(scene: Scene) -> Plot:
    """Rewritten with the SDK of another language; networks and endpoints stay."""
    other = "go" if scene.key.tenant.language != "go" else "node"
    return _from(scene, clients=((sdk(other, "1.9.0"), 1.0),))


def campaign(scene: Scene) -> Plot:
    """A marketing campaign: three to six times the requests, up within an hour, gone after four to ten."""
    factor, hours = float(scene.rng.uniform(3, 6)), float(scene.rng.uniform(4, 10))
    end = scene.start + hours * HOUR
    traffic = boosted(scene.base, scene.start, scene.start + 40, 1 + factor / 3)
    traffic = boosted(traffic, scene.start + 40, end - 60, factor)
    return Plot((boosted(traffic, end - 60, end, 1 + factor / 3),), end=end)


def batch_job(scene: Scene) -> Plot:
    """Somebody runs a job once: thousands of requests within an hour from the usual place."""
    n = float(scene.rng.uniform(600, 3000))
    return _beside(scene, scene.requests(n, 50, burst=8.0))


def outage(scene: Scene) -> Plot:
    """Three to eight hours of silence, and what was missed is caught up in two."""
    hours = float(scene.rng.uniform(3, 8))
    back = scene.start + hours * HOUR
    traffic = boosted(silenced(scene.base, scene.start, back), back, back + 2 * HOUR, 1 + hours / 2)
    return Plot((traffic,), end=back + 2 * HOUR)


def key_rotation(scene: Scene) -> Plot:
    """A new key takes over from the old one within an hour."""
    new = replace(scene.base, key_id=f"{scene.base.key_id}n", start=scene.start, end=scene.last)
    return Plot((replace(scene.base, end=scene.start + 45), new), end=scene.last)


def office_move(scene: Scene) -> Plot:
    """Another provider in the same city from the next working day on."""
    move = {s.block: s.block.replace("isp0", "isp1") for s in scene.base.sources}
    return _from(scene, sources=tuple(replace(s, block=move[s.block]) for s in scene.base.sources))


def vpn_egress(scene: Scene) -> Plot:
    """The company adopts a VPN: from now on its people come through two of its exits."""
    country = scene.key.country
    exits = [f"vpn1-{c}" for c in (country, "NL", "US", "GB") if f"vpn1-{c}" in PLAN][:2]
    return _from(scene, sources=tuple(Source(e, 1.0, 1, 3) for e in exits))


def new_endpoint(scene: Scene) -> Plot:
    """The platform releases an endpoint, and the key uses it for an eighth of its requests."""
    total = sum(c.weight for c in scene.base.calls)
    released = replace(RELEASED[scene.key.tenant.product], weight=total / 7)
    return _from(scene, calls=(*scene.base.calls, released))


def holiday_laptop(scene: Scene) -> Plot:
    """Two days abroad with the usual laptop: a few requests from an hotel and a telephone."""
    country = str(scene.rng.choice([c for c in OFFICES if c != scene.key.country]))
    sources = (Source(f"home-{country}", 2, 1, 1), Source(f"mobile-{country}", 1, 4, 30))
    extra = scene.requests(
        float(scene.rng.uniform(10, 40)),
        min(2 * DAY, scene.last - scene.start),
        sources=sources,
        session=(15, 240),
    )
    return _beside(scene, extra)


def carrier_hopping(scene: Scene) -> Plot:
    """From now on half of the requests come over a telephone network of the same country."""
    total = sum(s.weight for s in scene.base.sources)
    mobile = Source(f"mobile-{scene.key.country}", total, 48, 200)
    return _from(scene, sources=(*scene.base.sources, mobile))


def monthly_job(scene: Scene) -> Plot:
    """The report of the month: at night, many requests, much data; the first one seen."""
    night = scene.start // DAY * DAY + (2 - scene.key.tenant.shift) % 24 * HOUR
    night += DAY if night < scene.start else 0
    cron = Cron(400 * DAY, float(scene.rng.uniform(200, 800)), night, 0.7)
    job = replace(
        scene.base,
        cron=cron,
        start=night,
        end=min(night + 2 * HOUR, scene.last),
        bytes_factor=8 * scene.base.bytes_factor,
    )
    return _beside(scene, job)


def daylight_saving(scene: Scene) -> Plot:
    """The clocks change: everything an hour earlier in UTC."""
    return _from(scene, week=np.roll(scene.base.week, -1))


def night_backfill(scene: Scene) -> Plot:
    """An engineer fills a gap in the data at night: five times the requests for two hours."""
    night = scene.start // DAY * DAY + (3 - scene.key.tenant.shift) % 24 * HOUR
    night += DAY if night < scene.start else 0
    rate = max(busy_rate(scene.key) * 4, 1.0)
    return _beside(scene, replace(scene, start=night).requests(rate * 120, 120, burst=8.0))


def growth(scene: Scene) -> Plot:
    """A customer's own success: half as much again from one week to the next."""
    traffic = boosted(scene.base, scene.start, scene.start + DAY, 1.25)
    return Plot((boosted(traffic, scene.start + DAY, scene.last + 1, 1.5),), end=scene.last)


def retry_storm(scene: Scene) -> Plot:
    """The platform fails for half an hour: 503 and 429, and the client tries again and again."""
    end = scene.start + 35
    storm = scene.requests(busy_rate(scene.key) * 2 * 35 + 20, 35, statuses=((503, 0.6), (429, 0.3)))
    return _beside(scene, replace(storm, end=min(end, scene.last)))


def branch_office(scene: Scene) -> Plot:
    """A second office in the same country, with another provider."""
    other = Source(f"isp1-{scene.key.country}", 0.6, 1, 2, int(scene.rng.integers(4)))
    return _from(scene, sources=(*scene.base.sources, other))


def _busy(key: Key) -> bool:
    return busy_rate(key) >= 0.1


SCRIPTS: Final = {
    "new region": Script(new_region, CLOUD),
    "deploy": Script(deploy, ("server", "backend", "cron", "ci", "hot server")),
    "client upgrade": Script(client_upgrade, ("server", "backend", "office", "cron")),
    "campaign": Script(campaign, ("server", "backend", "mobile", "multi region"), _busy, busy=True),
    "batch job": Script(batch_job, ("server", "bursty", "office"), busy=True),
    "outage and catch-up": Script(outage, (*CLOUD, "mobile"), _busy, busy=True),
    "key rotation": Script(key_rotation, (*CLOUD, "cron", "office")),
    "office move": Script(office_move, ("office",)),
    "VPN egress": Script(vpn_egress, PEOPLE),
    "new endpoint": Script(new_endpoint, (*CLOUD, "office", "cron")),
    "holiday laptop": Script(holiday_laptop, ("office", "developer", "worker"), latest=2 * DAY),
    "carrier hopping": Script(carrier_hopping, ("office", "worker", "developer")),
    "monthly job": Script(monthly_job, ("server", "cron", "nightly", "office"), latest=1.5 * DAY),
    "daylight saving": Script(daylight_saving, ("office", "ci", "cron", "backend")),
    "night backfill": Script(night_backfill, ("server", "office", "backend"), latest=1.5 * DAY),
    "growth": Script(growth, (*CLOUD, "mobile", "office")),
    "retry storm": Script(retry_storm, (*CLOUD, "cron", "office"), busy=True),
    "branch office": Script(branch_office, ("office",)),
}  # fmt: skip
