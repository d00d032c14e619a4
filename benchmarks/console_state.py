"""A Redis as years of use leave it: many keys with baselines, many cases, and what belongs to them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from alerting.incidents.base import Grouping, Joining
from alerting.policy import load_policy
from domain.case import Case, CaseNote, CaseState, Verdict
from domain.decision import Action, Decision
from domain.finding import Evidence, Finding, Kind
from domain.incident import severity_of
from domain.overview import FoundFinding
from domain.silence import Silence
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.pulse import Pulses, Tally
from monitor.replay import Replay
from monitor.source.dead_letter import NullDeadLetters
from monitor.watch import ActiveKeys
from monitor.wiring import CLOCK
from monitor.wiring_alerting import Office, office_for
from sample_streams import scenario_path

PARTITIONS: Final = 8
ROWS_A_WRITE: Final = 2_000
TENANTS: Final = 200
CASES_A_DAY: Final = 100
FINDINGS: Final = 3
"""Findings of a case."""
OPEN_SHARE: Final = 20
"""One case in so many is open."""
MINUTE_MS: Final = 60_000
DETECTORS: Final = (("volume", Kind.VOLUME), ("geo_shift", Kind.ORIGIN), ("endpoint_shift", Kind.BEHAVIOUR))
_HONEST: Final = "steady"


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    keys: int
    cases: int


def key_name(number: int) -> str:
    """The id of a key that has a baseline."""
    return f"key_{number:08}"


def fill(config: Config, client: Any, size: Size) -> float:
    """Write it all; answers the seconds it took. The newest case is from a minute ago."""
    began = time.perf_counter()
    store = RedisStateStore(client, config.kafka.topic)
    _profiles(client, store, size.keys)
    office = office_for(config, client)
    now_ms = int(CLOCK.now() * 1000)
    for number in range(size.cases):
        _case(office, number, now_ms - MINUTE_MS - (size.cases - number) * 86_400_000 // CASES_A_DAY)
    for number in range(50):
        _silence(office, number, now_ms)
    _told(config, client, size.keys)
    return time.perf_counter() - began


def _profiles(client: Any, store: RedisStateStore, count: int) -> None:
    """Rows as the daemon has them after two days of honest use, under other names."""
    rows, raw = _learned(), list[bytes]()
    raw = [row.tobytes() for row in rows]
    for partition in range(PARTITIONS):
        store.claim(partition, b"bench")
        numbers = range(partition, count, PARTITIONS)
        for first in range(0, len(numbers), ROWS_A_WRITE):
            some = numbers[first : first + ROWS_A_WRITE]
            mapping = {key_name(n): raw[n % len(raw)] for n in some}
            client.hset(store.key(partition, "profiles"), mapping=mapping)


def _learned() -> npt.NDArray[np.void]:
    player = Replay([scenario_path(_HONEST)], "native", Config(), load_policy(None), NullDeadLetters())
    for _ in player.run():
        pass
    (part,) = player.pipeline.parts.values()
    return part.profiles[: len(part.key_ids)].copy()


def _case(office: Office, number: int, at_ms: int) -> None:
    """Opened, grouped and, most of them, closed with a verdict; with the key's picture once in ten."""
    found = [_finding(number, place, at_ms) for place in range(FINDINGS)]
    decision = Decision(action=Action.SUSPEND, rule="stolen key", why="risk 0.97 from origin 24 bits")
    case = Case(
        id=f"case_{found[0].id[:16]}",
        key_id=found[0].key_id,
        tenant=found[0].tenant,
        state=CaseState.OPEN,
        opened_ms=at_ms,
        version=1,
        decision=decision,
        risk=0.97,
        findings=found,
        suspended=True,
        expires_ms=at_ms + 30 * 86_400_000,
        timeline=[CaseNote(ts_ms=at_ms, who="keywatch", what="suspended", why=decision.why)],
        picture=office.history.picture(found[0].key_id) if number % 10 == 0 else None,
    )
    office.cases.put(case)
    joining = Joining(found[0], case, decision.action.rank, severity_of(decision), at_ms)
    incident = office.incidents.join(joining, Grouping())
    for one in found:
        office.findings.write(FoundFinding(one, decision.action, case.id), loud=one is found[0], now_ms=at_ms)
    if number % OPEN_SHARE:
        _close(office, case, incident.id, number)


def _close(office: Office, case: Case, incident_id: str, number: int) -> None:
    from msgspec.structs import replace

    verdict = (Verdict.CONFIRM, Verdict.REINSTATE, Verdict.FALSE_POSITIVE)[number % 3]
    state = CaseState.CONFIRMED if verdict is Verdict.CONFIRM else CaseState.REINSTATED
    who, at_ms = "mary@shop.example", case.opened_ms + 40 * MINUTE_MS
    note = CaseNote(ts_ms=at_ms, who=who, what=verdict.value, why="asked the owner")
    office.audit.write(
        who=who, what=verdict.value, key_id=case.key_id, case_id=case.id, why="asked the owner"
    )
    closed = replace(
        case,
        version=2,
        state=state,
        verdict=verdict,
        closed_ms=at_ms,
        incident_id=incident_id,
        timeline=[*case.timeline, note],
    )
    office.cases.put(closed)
    office.incidents.left(incident_id, case.id, at_ms)


def _finding(number: int, place: int, at_ms: int) -> Finding:
    detector, kind = DETECTORS[place % len(DETECTORS)]
    ts_ms = at_ms + place * MINUTE_MS
    return Finding(
        id=hashlib.blake2b(f"{number}/{place}".encode(), digest_size=16).hexdigest(),
        detector=detector,
        kind=kind,
        key_id=key_name(number * 97),
        tenant=f"tenant-{number % TENANTS}",
        partition=0,
        offset=number,
        ts_ms=ts_ms,
        window_start_ms=ts_ms,
        bits=29.0,
        risk=0.97,
        contributions={"origin": 24.0, "volume": 11.0},
        evidence=[
            Evidence(what="country and operator", expected="NL, AS64496", actual="RU, AS64500", bits=29.0),
            Evidence(what="requests a minute", expected="about 12, rarely above 31", actual="840", bits=17.5),
        ],
        baseline_events=5_000,
        p_value=0.0004,
        country="RU",
        asn=64500,
        network=f"198.18.{number % 250}.0/24",
        lat=55.7,
        lon=37.6,
        client="curl",
        endpoint="GET /v1/items/{id}",
    )


def _silence(office: Office, number: int, now_ms: int) -> None:
    until_ms = now_ms + (number - 25) * 3_600_000
    office.silences.put(
        Silence(
            id=f"sil_{number:016x}",
            who="mary@shop.example",
            why="load test",
            created_ms=now_ms - 86_400_000,
            until_ms=until_ms,
            tenant=f"tenant-{number}",
        )
    )


def _told(config: Config, client: Any, keys: int) -> None:
    """What consumers would have said in the last minute."""
    tally = Tally()
    for partition in range(PARTITIONS):
        tally.seen(partition, 4_000, 1, 3)
        tally.committed(partition, CLOCK.now())
    Pulses(client, config.kafka.topic, CLOCK).tell(
        tally, dict.fromkeys(range(PARTITIONS), 12), range(PARTITIONS)
    )
    ActiveKeys(client, config.kafka.topic).tell(dict.fromkeys(range(PARTITIONS), keys // PARTITIONS))
