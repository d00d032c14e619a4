"""Counting over a stream of keys: every figure exact, of the keys themselves only the worst kept."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from keystore.audit.controls import RULES, Control, Fault, Moment, Rule, Status, many
from keystore.audit.facts import KeyFacts, LeakedSecret
from keystore.audit.report import ControlResult, LeakFigures, NamedKey

RECENT_DAYS = 30


class Worst:
    """The ``most`` entries with the highest rank, the same ones whatever the order they came in."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, str, NamedKey]] = []

    def add(self, rank: int, named: NamedKey) -> None:
        """Keep it if it is among the worst."""
        entry = (rank, named.key_id, named)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        elif self._most:
            heapq.heappushpop(self._heap, entry)

    def keys(self) -> list[NamedKey]:
        """The worst first."""
        return [named for _, _, named in sorted(self._heap, key=lambda e: e[:2], reverse=True)]


@dataclass(slots=True)
class _Count:
    worst: Worst
    checked: int = 0
    found: int = 0


@dataclass(slots=True)
class Tally:
    """One audit under way. Memory: ``most`` keys a control, whatever the number of keys."""

    moment: Moment
    most: int
    blind: frozenset[Control] = frozenset()
    """Controls that nobody was there to tell about."""
    keys: int = 0
    external: int = 0
    verifications: int = 0
    requests: float = 0.0
    states: Counter[str] = field(default_factory=Counter)
    _counts: dict[Control, _Count] = field(default_factory=dict)

    def add(self, key: KeyFacts) -> None:
        """Hold one key to every control."""
        self.keys += 1
        self.external += not key.ours
        self.states[key.state.value] += 1
        self.verifications += key.verifications
        self.requests += key.seen.requests_a_day if key.seen else 0.0
        for rule in RULES:
            if rule.applies(key):
                self._check(rule, key)

    def _check(self, rule: Rule, key: KeyFacts) -> None:
        count = self._count(rule.control)
        count.checked += 1
        fault = rule.check(key, self.moment)
        if fault is not None:
            count.found += 1
            rank = -fault.value if rule.least_first else fault.value
            count.worst.add(rank, _named(key, fault))

    def _count(self, control: Control) -> _Count:
        return self._counts.setdefault(control, _Count(Worst(self.most)))

    def results(self) -> list[ControlResult]:
        """Every control over keys, in the order of the rules."""
        return [self._result(rule) for rule in RULES]

    def _result(self, rule: Rule) -> ControlResult:
        count = self._count(rule.control)
        found = rule.status if count.found else Status.OK
        return ControlResult(
            control=rule.control,
            status=Status.UNKNOWN if rule.control in self.blind else found,
            title=rule.title.format(**asdict(self.moment.settings)),
            advice=rule.advice,
            unit=rule.unit,
            checked=count.checked,
            found=count.found,
            keys=count.worst.keys(),
        )

    def leaks(self, leaked: Sequence[LeakedSecret] | None) -> tuple[LeakFigures | None, ControlResult]:
        """The leak figures and their control; ``leaked`` None is nobody to ask."""
        worst, recent = Worst(self.most), 0
        for secret in leaked or ():
            days = self.moment.days_since(secret.last_seen_ms or self.moment.now_ms)
            if days <= RECENT_DAYS:
                recent += 1
                worst.add(-days, _named_secret(secret, days))
        found = Status.FAILED if recent else Status.OK
        result = ControlResult(
            control=Control.LEAKED,
            status=Status.UNKNOWN if leaked is None else found,
            title=f"secrets seen in logs or query strings in {RECENT_DAYS} days",
            advice="find the caller, rotate the key, mend what wrote it",
            unit="requests",
            checked=len(leaked or ()),
            found=recent,
            keys=worst.keys(),
        )
        if leaked is None:
            return None, result
        requests = sum(secret.requests for secret in leaked)
        return LeakFigures(secrets=len(leaked), recent=recent, requests=requests), result


def _named(key: KeyFacts, fault: Fault) -> NamedKey:
    return NamedKey(key_id=key.key_id, tenant=key.tenant, owner=key.owner, value=fault.value, says=fault.says)


def _named_secret(secret: LeakedSecret, days: int) -> NamedKey:
    says = f"{many(secret.requests, 'request')}, last seen {many(days, 'day')} ago"
    return NamedKey(key_id=secret.name, tenant="", owner="", value=secret.requests, says=says)
