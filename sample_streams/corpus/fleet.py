"""Who is in a corpus: steady keys, honest changes and attacks, each on keys of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sample_streams.corpus import changes, misuse, thefts
from sample_streams.corpus.habits import Key, Tenant, by_hand, key, tenant
from sample_streams.corpus.plot import STRENGTHS, Plot, Scene, Script
from sample_streams.corpus.traffic import DAY, HOUR, Rng, Traffic

ATTACKS: Final[Mapping[str, Script]] = {**thefts.SCRIPTS, **misuse.SCRIPTS}
BENIGN: Final[Mapping[str, Script]] = changes.SCRIPTS


@dataclass(frozen=True, slots=True)
class Size:
    """``attacks`` of each kind and strength, ``benign`` of each kind, ``steady`` keys with neither.

    Days count from a Monday; the corpus begins with ``first_day``, cases begin from ``from_day`` on.
    """

    first_day: int
    days: int
    attacks: int
    benign: int
    steady: int
    from_day: float


SIZES: Final = {
    "small": Size(first_day=3, days=8, attacks=1, benign=1, steady=40, from_day=8.0),
    "full": Size(first_day=0, days=14, attacks=1, benign=3, steady=450, from_day=8.0),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One plot with what it was made from; ``parties`` are the numbers of its malicious traffic."""

    kind: str
    strength: str
    attack: bool
    start: float
    plot: Plot
    keys: tuple[str, ...]
    parties: tuple[int, ...] = ()


@dataclass(slots=True)
class Fleet:
    """Everything that happens in a corpus."""

    size: Size
    parties: list[Traffic] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    habits: dict[str, str] = field(default_factory=dict)

    def add(self, traffic: tuple[Traffic, ...]) -> tuple[int, ...]:
        """Take up some traffic; its numbers."""
        first = len(self.parties)
        self.parties += traffic
        return tuple(range(first, len(self.parties)))


class Casting:
    """Hands out keys: each is used once."""

    def __init__(self, rng: Rng, size: Size) -> None:
        self._rng = rng
        self._days = (size.first_day, size.first_day + size.days)
        self._issued = 0
        self._tenants: list[Tenant] = []

    def key(self, script: Script | None = None) -> Key:
        """A key that the script can happen to, of a tenant that may have others."""
        for _ in range(500):
            found = key(
                self._rng,
                self._tenant(),
                f"key_{self._issued:04d}",
                self._days,
                script.habits if script else (),
            )
            if script is None or script.fits(found):
                self._issued += 1
                return found
        raise ValueError("no key fits the script: widen its habits")

    def _tenant(self) -> Tenant:
        if not self._tenants or self._rng.random() < 0.35:
            self._tenants.append(tenant(self._rng, len(self._tenants)))
        return self._tenants[int(self._rng.integers(max(0, len(self._tenants) - 6), len(self._tenants)))]


def cast(rng: Rng, size: Size) -> Fleet:
    """A fleet with all kinds of cases, in random order of keys."""
    fleet, casting = Fleet(size), Casting(rng, size)
    wanted = [
        (kind, script, level, True)
        for kind, script in ATTACKS.items()
        for level in range(3)
        for _ in range(size.attacks)
    ]
    wanted += [(kind, script, 0, False) for kind, script in BENIGN.items() for _ in range(size.benign)]
    jobs = [*wanted, *[None] * size.steady]
    for number in rng.permutation(len(jobs)).tolist():
        job = jobs[number]
        if job is None:
            _steady(rng, fleet, casting.key())
        else:
            _stage(rng, fleet, casting, *job)
    fleet.cases.sort(key=lambda case: (case.start, case.keys))
    return fleet


def _steady(rng: Rng, fleet: Fleet, honest: Key) -> None:
    fleet.habits[honest.key_id] = honest.habit
    extra = by_hand(rng, honest)
    fleet.add((honest.traffic, extra) if extra is not None else (honest.traffic,))


def _stage(
    rng: Rng, fleet: Fleet, casting: Casting, kind: str, script: Script, level: int, attack: bool
) -> None:
    main = casting.key(script)
    others = tuple(casting.key(script) for _ in range(script.others[level]))
    last = (fleet.size.first_day + fleet.size.days) * DAY
    start = _start(rng, main, script, fleet.size.from_day * DAY, last - script.latest)
    plot = script.make(Scene(rng, main, level, start, last, others))
    fleet.add(plot.honest)
    parties = fleet.add(plot.malicious)
    quiet = any(factor == 0 for traffic in plot.honest for _, _, factor in traffic.boosts)
    for honest in (main, *others):
        fleet.habits[honest.key_id] = "honey" if honest.key_id in plot.honey else honest.habit
        extra = None if quiet or plot.honey else by_hand(rng, honest)
        fleet.add((extra,) if extra is not None else ())
    keys = tuple(sorted({t.key_id for t in (*plot.honest, *plot.malicious)}))
    for key_id in keys:
        fleet.habits.setdefault(key_id, main.habit)
    fleet.cases.append(Case(kind, STRENGTHS[level] if attack else "", attack, start, plot, keys, parties))


def _start(rng: Rng, main: Key, script: Script, earliest: float, latest: float) -> float:
    """A minute at random; in the key's own hours where the script wants that."""
    week = main.traffic.week
    for _ in range(200):
        start = float(int(rng.uniform(earliest, max(latest, earliest + HOUR))))
        if not script.busy or week[int(start / HOUR) % len(week)] >= 0.5 * float(np.max(week)):
            return start
    return start
