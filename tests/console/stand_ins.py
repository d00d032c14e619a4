"""What the console only reads, from memory: their real stores have tests of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.decision import Action
from domain.desk import DeliveryReport
from domain.errors import Reason, Refused, Rejected
from domain.overview import (
    Backtest,
    BacktestState,
    BudgetUse,
    FindingPage,
    FindingQuery,
    FoundFinding,
    KeyLine,
    KeyPage,
    Minute,
    PolicyDifference,
    Pulse,
)
from domain.picture import HOUR_MS, HOURS, KeyPicture, Share, Spot
from tests.alerts import NOW_MS, finding

POLICY_TEXT = "version: 1\nrules: []\n"


def at(cursor: str, size: int) -> int:
    """Where a page begins."""
    if not cursor:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or int(cursor) > size:
        raise Rejected(Reason.WRONG_TYPE, "no page gave this cursor")
    return int(cursor)


@dataclass
class HeldOverview:
    """One pulse, with delivery as it is."""

    delivery: Callable[[], DeliveryReport]

    def pulse(self) -> Pulse:
        return Pulse(
            at_ms=NOW_MS,
            events_per_s=12.5,
            lag=None,
            silent_s=1.0,
            partitions=1,
            active_keys=2,
            rejected=0,
            findings=2,
            alerts=1,
            suspensions=1,
            alert_budget=BudgetUse(1, 5),
            suspension_budget=BudgetUse(1, 10),
            delivery=self.delivery(),
            minutes=[Minute(NOW_MS - 60_000, 750, 2)],
        )


@dataclass
class HeldFindings:
    """Two pages of them."""

    found: list[FoundFinding] = field(
        default_factory=lambda: [
            FoundFinding(finding(id=f"f{number}"), Action.ALERT, "") for number in range(3)
        ]
    )

    def page(self, query: FindingQuery) -> FindingPage:
        chosen = [one for one in self.found if query.key_id in ("", one.finding.key_id)]
        begin = at(query.cursor, len(chosen))
        end = begin + query.limit
        return FindingPage(chosen[begin:end], str(end) if end < len(chosen) else "")


@dataclass
class HeldKeys:
    """A few keys."""

    keys: list[KeyLine] = field(
        default_factory=lambda: [
            KeyLine(name, NOW_MS - 1000, NOW_MS, 5000) for name in ("key_victim", "k/2 {x}")
        ]
    )

    def page(self, cursor: str = "", limit: int = 50) -> KeyPage:
        begin = at(cursor, len(self.keys))
        end = begin + limit
        return KeyPage(self.keys[begin:end], str(end) if end < len(self.keys) else "")


class HeldPolicy:
    """A policy that is fine unless it says it is not."""

    def current(self) -> str:
        return POLICY_TEXT

    def problems(self, text: str) -> Sequence[str]:
        return [] if text.startswith("version: 1") else ["version is missing: begin with `version: 1`"]

    def compare(self, text: str, cases: int = 500) -> PolicyDifference:
        if self.problems(text):
            raise Rejected(Reason.WRONG_TYPE, self.problems(text)[0])
        return PolicyDifference(cases, [])


@dataclass
class HeldBacktests:
    """One at a time; they never end by themselves."""

    kept: dict[str, Backtest] = field(default_factory=dict)

    def start(self, text: str, from_ms: int, to_ms: int, who: str) -> Backtest:
        if not text.startswith("version: 1") or from_ms >= to_ms:
            raise Rejected(Reason.WRONG_TYPE, "the policy or the period is wrong")
        if any(one.state is BacktestState.RUNNING for one in self.kept.values()):
            raise Refused(Reason.CONFLICT, "another backtest runs")
        made = Backtest(f"bt_{len(self.kept)}", BacktestState.RUNNING, who, NOW_MS)
        self.kept[made.id] = made
        return made

    def get(self, backtest_id: str) -> Backtest:
        if backtest_id not in self.kept:
            raise Refused(Reason.NOT_FOUND, "there is no such backtest")
        return self.kept[backtest_id]


class HeldHistory:
    """The same picture of every key that has a baseline."""

    def picture(self, key_id: str) -> KeyPicture | None:
        if key_id not in ("key_victim", "k/2 {x}"):
            return None
        return KeyPicture(
            at_ms=NOW_MS,
            first_hour_ms=NOW_MS - HOURS * HOUR_MS,
            expected=[10.0] * HOURS,
            low=[5.0] * HOURS,
            high=[20.0] * HOURS,
            actual=[None] * 12 + [11.0] * 12,
            requests=5000,
            countries=[Share(name="NL", share=1.0)],
            places=[Spot(lat=52.1, lon=5.1)],
        )
