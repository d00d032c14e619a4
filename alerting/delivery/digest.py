"""Once a day, in one message: what happened, what waits, and whether detectors were right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from alerting.delivery.dispatch import Outgoing
from alerting.memory import AlertMemory
from domain.case import Case, CaseState
from domain.clock import Clock
from domain.desk import SilenceStore
from domain.notice import Notice
from domain.ports import CaseQuery, CaseStore, Score

DAY_MS: Final = 86_400_000
CASES_READ: Final = 2_000
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Digest:
    """``hour`` is UTC, -1 for none; ``wrong`` and ``anchor`` say how delivery and audit log stand."""

    cases: CaseStore
    silences: SilenceStore
    memory: AlertMemory
    out: Outgoing
    wrong: Callable[[], str]
    anchor: Callable[[], str]
    hour: int
    clock: Clock

    def tell_if_due(self) -> bool:
        """To be called every few minutes; the notice's id keeps it to one a day, whoever calls."""
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        name, now_ms = f"digest:{now:%Y-%m-%d}", int(self.clock.now() * 1000)
        if now.hour != self.hour or self.memory.marked(name, now_ms):
            return False
        self.out.notice(self.notice(name, now_ms))
        self.memory.mark(name, now_ms, now_ms + DAY_MS)
        return True

    def notice(self, name: str, now_ms: int) -> Notice:
        """The digest of the last 24 hours. A few round trips."""
        recent = self._recent(now_ms - DAY_MS)
        silences = self.silences.active(now_ms)
        lines = [
            _day(recent),
            f"waiting for a verdict: {self.cases.counts().get(CaseState.OPEN, 0)}",
            *_precision(self.cases.precision()),
            f"silences running: {len(silences)}",
            *(f"  {silence.words()}, by {silence.who}: {silence.why}" for silence in silences[:10]),
            f"delivery: {self.wrong() or 'ok'}",
            f"audit log: {self.anchor()} (keep it: `keywatch audit verify --anchor`)",
        ]
        return Notice(id=name, title="keywatch: the last 24 hours", lines=lines, at_ms=now_ms)

    def _recent(self, since_ms: int) -> list[Case]:
        found: list[Case] = []
        cursor = ""
        while len(found) < CASES_READ:
            page = self.cases.page(CaseQuery(cursor=cursor, limit=PAGE))
            found += [case for case in page.cases if case.opened_ms >= since_ms]
            cursor = page.cursor
            if not cursor or page.cases[-1].opened_ms < since_ms:
                break
        return found


def _day(recent: list[Case]) -> str:
    states = Counter(case.state.value for case in recent)
    suspended = sum(case.suspended for case in recent)
    dry = sum(case.decision.dry_run for case in recent)
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return f"new cases: {len(recent)} ({counted or 'none'}); suspended: {suspended}; in dry run: {dry}"


def _precision(scores: Mapping[str, Score]) -> list[str]:
    """
    >>> _precision({"volume": Score(confirmed=3, false_positive=1)})
    ['right so far: volume 75 % of 4']
    """
    judged = {name: score for name, score in sorted(scores.items()) if score.precision is not None}
    if not judged:
        return []
    words = [
        f"{name} {score.precision:.0%} of {score.confirmed + score.false_positive}".replace("%", " %")
        for name, score in judged.items()
    ]
    return [f"right so far: {', '.join(words)}"]
