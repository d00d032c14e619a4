"""A console with something to see: real cases in a real Redis, made by the whole alert pipeline."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace as different_fields
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from msgspec.structs import replace

from console.access.access import Access
from console.pages import pages_router
from console.services import Services
from console.settings import ConsoleSettings
from domain.case import Case, Verdict
from domain.clock import ManualClock
from domain.desk import DeliveryReport
from domain.errors import Reason, Transient
from domain.finding import Evidence, Finding, Kind
from domain.overview import BudgetUse, KeyLine, Minute, Pulse
from domain.picture import HOUR_MS, HOURS, KeyPicture, Share, Spot
from domain.ports import CaseQuery
from domain.silence import Silence
from monitor.policy_desk import FilePolicyDesk
from tests.alerts import NOW_MS, finding
from tests.console.house import House
from tests.console.house import different as settings_with
from tests.console.stand_ins import HeldKeys
from tests.office import POLICY, finding_id, policy, replica
from tests.web import serving_asgi

STOLEN: Final = "key_7HqLiveCheckout"
HOSTILE: Final = 'key_"><img src=x onerror=alert(1)>\u202egnp.exe'
AGENT: Final = "python-requests/2.31 \u202e<script>alert(1)</script>"
REASONS: Final = {
    Verdict.CONFIRM: "the owner says a laptop was stolen",
    Verdict.FALSE_POSITIVE: "load test that was announced",
    Verdict.REINSTATE: "the customer needs it, we look on",
}
LOCAL: Final = settings_with(cookie_secure=False, public_url="")


class Pictures:
    """A steady key, used from two countries, that became busy three hours ago."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def picture(self, key_id: str) -> KeyPicture | None:
        if not key_id.startswith("key_"):
            return None
        at_ms, dice = int(self._clock.now() * 1000), random.Random(4)
        first_ms = (at_ms // HOUR_MS - HOURS + 1) * HOUR_MS
        usual = [round(420 + 300 * math.sin((hour - 8) / 24 * math.tau), 1) for hour in range(HOURS)]
        seen: list[float | None] = [None, None, *(round(mean * dice.uniform(0.7, 1.4)) for mean in usual[2:])]
        seen[-3:] = [2_900.0, 4_100.0, 1_250.0]
        return KeyPicture(
            at_ms=at_ms,
            first_hour_ms=first_ms,
            expected=usual,
            low=[round(max(mean / 2 - 2 * math.sqrt(mean), 0), 1) for mean in usual],
            high=[round(mean * 2 + 2 * math.sqrt(mean), 1) for mean in usual],
            actual=seen,
            minutes=[180, 212],
            requests=184_223,
            countries=[_share("NL", 0.81), _share("DE", 0.17), _share("BE", 0.02)],
            operators=[_share("AS64496", 0.9), _share("AS64497", 0.1)],
            networks=[_share("203.0.113.0/24", 0.7), _share("198.51.100.0/24", 0.3)],
            places=[
                Spot(lat=52.4, lon=4.9, share=0.81, name="NL"),
                Spot(lat=50.1, lon=8.7, share=0.17, name="DE"),
            ],
            remark="usual: the mean of the same hour of earlier weeks, and a factor of 2 around it",
        )


def _share(name: str, share: float) -> Share:
    return Share(name=name, share=share)


class Busy:
    """A pulse of a platform at work; ``silent`` while its store does not answer."""

    def __init__(self, clock: ManualClock, delivery: DeliveryReport) -> None:
        self._clock = clock
        self._delivery = delivery
        self.silent = False

    def pulse(self) -> Pulse:
        if self.silent:
            raise Transient(Reason.TIMEOUT, "pulse: Redis did not answer in time")
        now_ms, dice = int(self._clock.now() * 1000), random.Random(7)
        minutes = [
            Minute(
                now_ms - 60_000 * (60 - at),
                int(345_000 + 40_000 * math.sin(at / 9) + dice.uniform(-9_000, 9_000)),
                dice.choice([0, 0, 0, 1, 2]),
            )
            for at in range(60)
        ]
        return Pulse(
            at_ms=now_ms,
            events_per_s=minutes[-1].events / 60,
            lag=1_204,
            silent_s=2.0,
            partitions=12,
            active_keys=10_422,
            rejected=7,
            findings=61,
            alerts=9,
            suspensions=3,
            alert_budget=BudgetUse(9, 52),
            suspension_budget=BudgetUse(3, 20),
            delivery=self._delivery,
            minutes=minutes,
        )


class Scene:
    """The console's app with ``others`` more cases; ``house`` has tokens and what stands behind. The policy
    is in a file of ``directory``. ``readers`` replace some of its services.
    """

    def __init__(
        self,
        client: Any,
        directory: Path,
        *,
        settings: ConsoleSettings = LOCAL,
        others: int = 6,
        two_person: tuple[Verdict, ...] = (),
        readers: Mapping[str, Any] | None = None,
    ) -> None:
        self.clock = ManualClock(NOW_MS / 1000 - 3_600)
        rules = policy(review={"two_person": [verdict.value for verdict in two_person]})
        self.pictures = Pictures(self.clock)
        self.office = replica(client, self.clock, policy=rules, history=self.pictures)
        self.overview = Busy(self.clock, self.office.health.report())
        self._policy_file = directory / "policy.yaml"
        self._policy_file.write_text(POLICY)
        self._readers = readers or {}
        self.house = House(client, settings, self._pages, self.clock)
        self.app = self.house.app
        self.bursts(range(others))
        self._theft()

    def _pages(self, services: Services, access: Access) -> APIRouter:
        stores, lines = (
            self.office.stores,
            [KeyLine(f"key_{number:04}", NOW_MS - 10**9, NOW_MS, 5_000 + number) for number in range(120)],
        )
        self.services = different_fields(
            services,
            cases=stores.cases,
            review=self.office.review,
            silencing=self.office.silencing,
            keys=stores.keys,
            people=stores.keys,
            history=self.pictures,
            overview=self.overview,
            findings=stores.findings,
            directory=HeldKeys([KeyLine(STOLEN, NOW_MS - 10**10, NOW_MS, 184_223), *lines]),
            policy=FilePolicyDesk(self._policy_file, stores.cases, lambda: 10_000),
            two_person=self.office.policy.review.two_person,
        )
        self.services = different_fields(self.services, **self._readers)
        return pages_router(self.services, access)

    def case_of(self, key_id: str) -> Case:
        """The newest case of a key."""
        return self.services.cases.page(CaseQuery(key_id=key_id, limit=1)).cases[0]

    def judge_some(self) -> None:
        """Two people at work on a third of the open cases."""
        cases = self.services.cases.page(CaseQuery(limit=100)).cases[2:]
        for number, case in enumerate(cases[::3]):
            verdict = (Verdict.CONFIRM, Verdict.FALSE_POSITIVE, Verdict.CONFIRM, Verdict.REINSTATE)[
                number % 4
            ]
            who = f"console:{('ben', 'ana')[number % 2]}@shop.example"
            self.office.review.give(case.id, verdict, who, REASONS[verdict])
            self.clock.advance(70)
        self.office.review.comment(
            self.case_of(STOLEN).id, "console:ben@shop.example", "asked the owner by phone"
        )

    def bursts(self, numbers: range) -> None:
        """Other keys are busy, each in a case of its own."""
        dice = random.Random(11)
        for number in numbers:
            self._found(_burst(number, dice))
            self.clock.advance(dice.uniform(20, 160))

    def _theft(self) -> None:
        self._found(hostile(int(self.clock.now() * 1000)))
        self.clock.advance(75)
        for found in stolen(int(self.clock.now() * 1000)):
            self._found(found)
            self.clock.advance(40)

    def _found(self, found: Finding) -> None:
        self.office.find(different_time(found, int(self.clock.now() * 1000)))


def different_time(found: Finding, now_ms: int) -> Finding:
    """The finding, made now."""
    return replace(found, ts_ms=now_ms)


def _line(what: str, expected: str, actual: str, bits: float) -> Evidence:
    return Evidence(what=what, expected=expected, actual=actual, bits=bits)


def stolen(now_ms: int) -> Iterator[Finding]:
    """A key that exports customers from another country."""
    both = {"origin": 24.0, "volume": 14.2}
    usual: dict[str, Any] = {"key_id": STOLEN, "risk": 0.99, "lat": 55.75, "lon": 37.6, "ts_ms": now_ms}
    export = "GET /v1/customers/{id}/export"
    place = [
        _line("country and operator", "NL, DE; AS64496, AS64497", "RU, AS64500", 29.0),
        _line("distance", "within 100 km of an established place", "2,146 km", 11.2),
    ]
    yield finding(**usual, id=finding_id("s1"), contributions=both, evidence=place, endpoint=export)
    usual |= {"contributions": both, "client": AGENT}
    rate = [_line("requests in 1 minute", "7 (2 to 19)", "212", 34.4)]
    yield finding(
        **usual, id=finding_id("s2"), kind=Kind.VOLUME, detector="volume", evidence=rate, endpoint=export
    )
    mix = [_line(f"share of {export}", "0.1 %", "84 %", 19.3)]
    usual |= {"kind": Kind.BEHAVIOUR, "detector": "endpoint_mix", "evidence": mix}
    yield finding(**usual, id=finding_id("s3"))


def hostile(now_ms: int) -> Finding:
    """Whoever made it would like the page to run it."""
    evil = [_line("country and operator", "NL, AS64496", "RU <b>AS64500</b>", 22.0)]
    return finding(
        key_id=HOSTILE,
        id=finding_id("h"),
        risk=0.97,
        evidence=evil,
        client=AGENT,
        endpoint=HOSTILE,
        ts_ms=now_ms,
    )


def _burst(number: int, dice: random.Random) -> Finding:
    seen, what = 80 + 3 * number, ("requests in 1 minute", "7 (2 to 19)")
    return finding(
        key_id=f"key_{finding_id(str(number))[:10]}",
        id=finding_id(f"burst {number}"),
        kind=Kind.VOLUME,
        detector=dice.choice(["volume", "slow_ramp"]),
        risk=dice.choice([0.55, 0.7, 0.8, 0.97]),
        network=f"192.0.{number % 250}.0/24",
        tenant=dice.choice(["acme", "globex", "initech"]),
        evidence=[_line(*what, str(seen), 14.0 + number % 9)],
        contributions={"volume": 14.0 + number % 9},
    )


def silence_of(scene: Scene) -> Silence:
    """One that runs."""
    now_ms = int(scene.clock.now() * 1000)
    return scene.office.silencing.add(
        Silence(
            id="sil_1f0c22ab34cd56ef",
            who="console:ben@shop.example",
            why="load test until four",
            created_ms=now_ms,
            until_ms=now_ms + 4 * HOUR_MS,
            tenant="globex",
            kind="volume",
        )
    )


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app on a real server in a thread; its address."""
    with serving_asgi(app, server_header=False, lifespan="off") as url:
        yield url
