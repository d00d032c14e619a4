"""Attacks by somebody elsewhere: what they share is that requests come from where the key is not at home.

A *weak* thief is careful: few requests, the owner's client and endpoints, an address near by. A *medium*
one has his own client or place; a *strong* one also looks around, fails and hurries.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sample_streams.corpus.api import SENSITIVE, TOOLS
from sample_streams.corpus.plan import named
from sample_streams.corpus.plot import Plot, Scene, Script, mixed, silenced, theft
from sample_streams.corpus.traffic import DAY, FLAT, HOUR, Cron, Source, Traffic

LOCAL: Final = (
    "server",
    "backend",
    "office",
    "cron",
    "nightly",
    "ci",
    "bursty",
    "developer",
    "ipv6",
    "worker",
    "mobile",
    "hot server",
)
SETTLED: Final = ("server", "backend", "office", "cron", "bursty", "ipv6", "nightly")
PROBING: Final = ((404, 0.12), (403, 0.08))


def _tool(scene: Scene) -> tuple[tuple[str, float], ...]:
    return ((str(scene.rng.choice(TOOLS)), 1.0),)


def _manner(
    scene: Scene,
    n: tuple[float, float, float],
    minutes: tuple[float, float, float],
    sources: tuple[Source, ...],
) -> Traffic:
    """A thief from ``sources``, as careful as the strength says."""
    traffic = scene.requests(scene.by_level(*n), scene.by_level(*minutes), sources=sources)
    if scene.level >= 1:
        traffic = replace(traffic, clients=_tool(scene))
    if scene.level == 2:
        traffic = replace(
            traffic, calls=mixed(scene.base.calls, SENSITIVE, 0.7), statuses=PROBING, walks=True
        )
    return traffic


def new_country(scene: Scene) -> Plot:
    """A server in a country the key was never used from."""
    return theft(scene, _manner(scene, (25, 150, 1200), (180, 90, 60), (scene.abroad(),)))


def same_country_hosting(scene: Scene) -> Plot:
    """A rented server in the owner's own country."""
    return theft(scene, _manner(scene, (25, 150, 1200), (180, 90, 60), (scene.nearby(),)))


def residential_proxies(scene: Scene) -> Plot:
    """Rotating homes: of the owner's country, of three countries, of everywhere."""
    blocks = scene.by_level(
        named("proxy", scene.key.country),
        [str(b) for b in scene.rng.choice(named("proxy"), 3, replace=False)],
        named("proxy"),
    )
    sources = tuple(Source(b, 1.0, 24, 200) for b in blocks)
    return theft(scene, _manner(scene, (40, 250, 1500), (240, 120, 60), sources))


def commercial_vpn(scene: Scene) -> Plot:
    """Exits of a commercial VPN: one that is on no list, then listed ones that change."""
    unlisted = [b for b in named("vpn") if b.startswith("vpn3")]
    listed = [b for b in named("vpn") if b.startswith("vpn0")]
    sources = scene.by_level((scene.one(unlisted),), (scene.one(listed),), tuple(Source(b) for b in listed))
    return theft(scene, _manner(scene, (25, 150, 1000), (180, 90, 60), sources))


def tor(scene: Scene) -> Plot:
    """Through Tor."""
    sources = tuple(Source(b, 1.0, 1, 3) for b in named("tor"))
    return theft(scene, _manner(scene, (10, 60, 500), (120, 60, 60), sources))


def parallel_use(scene: Scene) -> Plot:
    """The same minutes on another continent, while the owner works: nothing else is unlike the owner."""
    where = scene.abroad(scene.by_level("carrier", "isp", "hosting"))
    return theft(
        scene, scene.requests(scene.by_level(12, 60, 400), scene.by_level(60, 60, 45), sources=(where,))
    )


def low_and_slow(scene: Scene) -> Plot:
    """A few requests an hour for days: from the owner's country with his client, with another, abroad."""
    where = scene.abroad() if scene.level == 2 else scene.nearby()
    minutes = min(2.5 * DAY, scene.last - scene.start)
    client = scene.base.clients if scene.level == 0 else _tool(scene)
    calls = mixed(scene.base.calls, SENSITIVE, scene.by_level(0.0, 0.3, 0.7))
    n = scene.by_level(1.5, 3, 6) * minutes / HOUR
    return theft(scene, scene.requests(n, minutes, sources=(where,), clients=client, calls=calls))


def takeover(scene: Scene) -> Plot:
    """The owner falls silent (locked out, replaced) and another network goes on in his place."""
    where = scene.by_level(scene.nearby(), scene.abroad(), scene.abroad())
    minutes = min(1.5 * DAY, scene.last - scene.start)
    thief = replace(
        scene.base,
        sources=(where,),
        start=scene.start,
        end=scene.start + minutes,
        troubles=(),
        moves_every_min=0.0,
    )
    if scene.level == 2:
        thief = replace(thief, clients=_tool(scene), calls=mixed(scene.base.calls, SENSITIVE, 0.5), week=FLAT)
    return Plot((silenced(scene.base, scene.start, scene.last + 1),), (thief,), thief.end)


def dormant_awakes(scene: Scene) -> Plot:
    """A key that nobody used for days is used again, from its country or from abroad."""
    silence = min(scene.by_level(4, 5, 6) * DAY, 0.6 * (scene.start - scene.base.start))
    where = scene.abroad() if scene.level == 2 else scene.nearby(scene.by_level("isp", "hosting", ""))
    traffic = _manner(scene, (20, 80, 400), (240, 120, 60), (where,))
    owner = silenced(scene.base, scene.start - silence, scene.last + 1)
    return Plot((owner,), (traffic,), traffic.end)


def many_keys_one_address(scene: Scene) -> Plot:
    """A leaked configuration: several customers' keys from one address, a few requests each."""
    where = scene.abroad("isp") if scene.level == 2 else scene.nearby(scene.by_level("isp", "hosting", ""))
    keys = (scene.key, *scene.others)
    n, minutes = scene.by_level(8, 20, 60), scene.by_level(90, 60, 40)
    thieves = [replace(scene, key=k).requests(n, minutes, sources=(where,)) for k in keys]
    return Plot(tuple(k.traffic for k in keys), tuple(thieves), scene.start + minutes)


def _counted(scene: Scene, **changes: Any) -> Traffic:
    """Exactly one, ten or a hundred requests within an hour."""
    n = scene.by_level(1, 10, 100)
    once = Cron(400 * DAY, n, scene.start + 1, gap_s=3000 / n, spread=0.0)
    return scene.requests(n, 65, cron=once, **changes)


def revoked_key_used(scene: Scene) -> Plot:
    """A key that was revoked a day before is still tried, from where it always was."""
    revoked = scene.start - DAY
    use = _counted(scene, statuses=((401, 1.0),))
    return Plot(
        (silenced(scene.base, revoked, scene.last + 1),), (use,), use.end, ((scene.key.key_id, revoked),)
    )


def honey_key_touched(scene: Scene) -> Plot:
    """A key that lies where only a thief finds it."""
    use = _counted(scene, sources=(scene.abroad(),))
    return Plot((), (use,), use.end, honey=(scene.key.key_id,))


SCRIPTS: Final = {
    "stolen, new country": Script(new_country, LOCAL),
    "stolen, same country": Script(same_country_hosting, LOCAL),
    "residential proxies": Script(residential_proxies, LOCAL),
    "commercial VPN": Script(commercial_vpn, LOCAL),
    "Tor": Script(tor),
    "parallel use": Script(parallel_use, SETTLED, busy=True),
    "low and slow": Script(low_and_slow, LOCAL, latest=2 * DAY),
    "takeover": Script(takeover, SETTLED, latest=DAY, busy=True),
    "dormant key awakes": Script(dormant_awakes, LOCAL),
    "many keys, one address": Script(many_keys_one_address, LOCAL, others=(2, 4, 7)),
    "revoked key used": Script(revoked_key_used, LOCAL),
    "honey key touched": Script(honey_key_touched, LOCAL),
}  # fmt: skip
