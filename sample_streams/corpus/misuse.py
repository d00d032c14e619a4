"""Attacks from the key's own networks: by a machine or a colleague of the owner, or a thief who sits there.

Each changes one thing, so that what finds it is the detector for that thing; *insider* mixes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sample_streams.corpus.api import ATTACK_TOOLS, SENSITIVE, TOOLS, WRITES, Call
from sample_streams.corpus.habits import Key
from sample_streams.corpus.plot import (
    Plot,
    Scene,
    Script,
    average,
    busy_rate,
    mixed,
    reads_only,
    theft,
)
from sample_streams.corpus.traffic import DAY, HOUR

OWN: Final = (
    "server",
    "backend",
    "office",
    "cron",
    "bursty",
    "ipv6",
    "nightly",
    "worker",
    "ci",
    "multi region",
    "hot server",
)
STEADY: Final = ("server", "backend", "office", "multi region", "ipv6", "hot server")


def client_change(scene: Scene) -> Plot:
    """Other software beside the owner's: a common library, a common one that asks more, an attack tool."""
    client = str(scene.rng.choice(ATTACK_TOOLS if scene.level == 2 else TOOLS))
    n, minutes = scene.by_level(15, 80, 400), scene.by_level(120, 60, 45)
    return theft(scene, scene.requests(n, minutes, clients=((client, 1.0),)))


def endpoint_shift(scene: Scene) -> Plot:
    """Endpoints that the key never called, sensitive ones."""
    n, minutes = scene.by_level(12, 60, 400), scene.by_level(120, 60, 45)
    return theft(scene, scene.requests(n, minutes, calls=SENSITIVE))


def first_writes(scene: Scene) -> Plot:
    """A key that only ever read begins to change things."""
    n, minutes = scene.by_level(8, 40, 300), scene.by_level(90, 60, 45)
    return theft(scene, scene.requests(n, minutes, calls=WRITES))


def auth_probing(scene: Scene) -> Plot:
    """What else may this key do? 401 and 403."""
    n, minutes = scene.by_level(25, 150, 1200), scene.by_level(60, 40, 20)
    calls = mixed(scene.base.calls, SENSITIVE, scene.by_level(0.0, 0.5, 1.0))
    return theft(scene, scene.requests(n, minutes, calls=calls, statuses=((403, 0.6), (401, 0.35))))


def ids_that_miss(scene: Scene) -> Plot:
    """Guessing object ids; most answers are 404."""
    n, minutes = scene.by_level(60, 400, 3000), scene.by_level(90, 60, 45)
    missing = ((404, scene.by_level(0.6, 0.8, 0.9)),)
    return theft(scene, scene.requests(n, minutes, calls=_objects(scene), statuses=missing, walks=True))


def ids_that_answer(scene: Scene) -> Plot:
    """Broken object level authorisation (OWASP API1): walking through ids, and every answer is 200."""
    n, minutes = scene.by_level(150, 700, 4000), scene.by_level(90, 60, 45)
    return theft(scene, scene.requests(n, minutes, calls=_objects(scene), walks=True))


def _objects(scene: Scene) -> tuple[Call, ...]:
    return tuple(c for c in scene.base.calls if "{n}" in c.path and not c.writes) or SENSITIVE[3:4]


def exfiltration(scene: Scene) -> Plot:
    """Few requests, much data: an export of an endpoint that the key uses."""
    largest = max(c.bytes_out for c in scene.base.calls) * scene.base.bytes_factor
    size = max(scene.by_level(1e6, 1e7, 1e8), largest * scene.by_level(30, 100, 500))
    calls = tuple(replace(c, bytes_out=size) for c in scene.base.calls if not c.writes) or SENSITIVE[:1]
    n, minutes = scene.by_level(6, 15, 40), scene.by_level(60, 45, 30)
    return theft(scene, scene.requests(n, minutes, calls=calls, bytes_factor=1.0))


def volume_spike(scene: Scene) -> Plot:
    """The same requests, many more: 5, 12 and 40 times the key's own for up to an hour."""
    rate = busy_rate(scene.key) * (scene.by_level(5, 12, 40) - 1)
    minutes = min(HOUR, 8000 / rate)
    return theft(scene, scene.requests(rate * minutes, minutes, burst=8.0))


def slow_ramp(scene: Scene) -> Plot:
    """More from day to day, up to 3, 6 and 15 times the key's own."""
    minutes = min(3.5 * DAY, scene.last - scene.start)
    extra = average(scene.key) * (scene.by_level(3, 6, 15) - 1)
    week = scene.base.week / max(float(scene.base.week.mean()), 1e-9)
    return theft(scene, scene.requests(extra * minutes, minutes, ramp=True, week=week))


def off_hours(scene: Scene) -> Plot:
    """The office's key at three in the morning, from the office; one night, or three."""
    night = scene.start // DAY * DAY + (2.5 - scene.key.tenant.shift) % 24 * HOUR
    night += DAY if night < scene.start else 0
    n, minutes = scene.by_level(12, 50, 150), scene.by_level(100, 120, 150)
    nights = [night + DAY * i for i in range(scene.by_level(1, 1, 2))]
    return theft(scene, *(replace(scene, start=at).requests(n, minutes) for at in nights))


def robotic_scraping(scene: Scene) -> Plot:
    """A clockwork that takes one object after the other, every 12, 4 and 1 seconds."""
    every, minutes = scene.by_level(12.0, 4.0, 1.0), scene.by_level(40, 60, 60)
    use = scene.requests(1, minutes, every_s=every, calls=_objects(scene), walks=True)
    return theft(scene, use)


def throttling_abuse(scene: Scene) -> Plot:
    """As fast as the limit allows, and 429 for the rest."""
    n, minutes = scene.by_level(60, 400, 3000), scene.by_level(45, 40, 30)
    return theft(scene, scene.requests(n, minutes, statuses=((429, scene.by_level(0.5, 0.7, 0.85)),)))


def insider(scene: Scene) -> Plot:
    """A colleague after hours: new endpoints, more data, his own tool; each of them not much."""
    evening = scene.start // DAY * DAY + (21.5 - scene.key.tenant.shift) % 24 * HOUR
    evening += DAY if evening < scene.start else 0
    n, minutes = scene.by_level(20, 60, 250), scene.by_level(90, 75, 60)
    client = ((TOOLS[0], 1.0),) if scene.level else scene.base.clients
    calls = mixed(scene.base.calls, SENSITIVE, scene.by_level(0.4, 0.6, 0.9))
    use = replace(scene, start=evening).requests(
        n, minutes, calls=calls, clients=client, bytes_factor=scene.by_level(3, 8, 20)
    )
    return theft(scene, use)


def _busy(least: float, most: float = 100.0) -> Callable[[Key], bool]:
    return lambda key: least <= busy_rate(key) <= most


def _small_pool(key: Key) -> bool:
    return key.traffic.pool <= 1500 and any("{n}" in c.path for c in key.traffic.calls)


SCRIPTS: Final = {
    "client change": Script(client_change, OWN, busy=True),
    "endpoint shift": Script(endpoint_shift, OWN, busy=True),
    "first writes": Script(first_writes, OWN, reads_only, busy=True),
    "auth probing": Script(auth_probing, OWN, busy=True),
    "ids that miss": Script(ids_that_miss, OWN, busy=True),
    "ids that answer": Script(ids_that_answer, OWN, _small_pool, busy=True),
    "exfiltration": Script(exfiltration, OWN, busy=True),
    "volume spike": Script(volume_spike, STEADY, _busy(0.25), busy=True),
    "slow ramp": Script(slow_ramp, STEADY, _busy(0.1, 1.2), latest=3 * DAY),
    "off hours": Script(off_hours, ("office",), latest=3 * DAY),
    "robotic scraping": Script(robotic_scraping, OWN, busy=True),
    "throttling abuse": Script(throttling_abuse, OWN, busy=True),
    "insider": Script(insider, ("office", "worker"), latest=2 * DAY),
}  # fmt: skip
