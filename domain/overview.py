"""What the console reads beside cases, as Protocols: how the whole fares, findings, keys, the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from domain.decision import Action
from domain.desk import DeliveryReport
from domain.finding import Finding


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """How much of a budget is ``used`` of its ``limit``; ``spent`` says that it holds things back now."""

    used: float
    limit: float
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Minute:
    """What went through in the minute that began at ``start_ms`` of wall-clock time."""

    start_ms: int
    events: int
    findings: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """How all replicas together fare. Times are epoch milliseconds.

    ``events_per_s`` is over the last full minute. ``lag`` counts records not yet read, None while no
    consumer says. ``silent_s``: for how long the most silent partition's consumer has said nothing.
    ``findings``, ``alerts`` (messages that made a sound) and ``suspensions`` are of the last 24 hours,
    ``rejected`` of the last hour. ``minutes`` are 60, of which the last still runs. ``alert_budget`` counts
    keys alerted on in 24 hours and holds nothing back.
    """

    at_ms: int
    events_per_s: float
    lag: int | None
    silent_s: float | None
    partitions: int
    active_keys: int
    rejected: int
    findings: int
    alerts: int
    suspensions: int
    alert_budget: BudgetUse
    suspension_budget: BudgetUse
    delivery: DeliveryReport
    minutes: Sequence[Minute]


class Overview(Protocol):
    """Blocks for a few round trips."""

    def pulse(self) -> Pulse:
        """As it is now. Raises ``Transient`` when Redis does not answer."""


@dataclass(frozen=True, slots=True)
class FindingQuery:
    """Which findings, newest first, from where ``cursor`` left off; empty fields match all."""

    key_id: str = ""
    tenant: str = ""
    detector: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class FoundFinding:
    """A finding and what became of it; ``case_id`` is empty for one that was only observed."""

    finding: Finding
    action: Action
    case_id: str


@dataclass(frozen=True, slots=True)
class FindingPage:
    """Some findings. An empty ``cursor`` says there are no more; a page may be short."""

    findings: Sequence[FoundFinding]
    cursor: str


class FindingReader(Protocol):
    """The findings of the last days, also those that policy only observed. Kept to a bound."""

    def page(self, query: FindingQuery) -> FindingPage:
        """Newest first. Raises ``Rejected`` for a cursor that no page gave."""


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as lists show it. ``requests`` are all that its baseline has seen."""

    key_id: str
    first_seen_ms: int
    last_seen_ms: int
    requests: int


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some keys in no order that means anything; an empty ``cursor`` says there are no more."""

    keys: Sequence[KeyLine]
    cursor: str


class KeyDirectory(Protocol):
    """The keys that have a baseline, by the million."""

    def page(self, cursor: str = "", limit: int = 50) -> KeyPage:
        """A few round trips whatever the number of keys; ``limit`` is a hint. Raises ``Rejected``."""


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A case that a new policy would have treated otherwise. The actions are as ``Decision`` has them."""

    case_id: str
    key_id: str
    before: Action
    after: Action
    rule_before: str
    rule_after: str


@dataclass(frozen=True, slots=True)
class PolicyDifference:
    """What a new policy makes of the newest ``looked_at`` cases' findings, as a dry run."""

    looked_at: int
    changes: Sequence[PolicyChange]


class PolicyDesk(Protocol):
    """The policy to read and to try; it is changed where it is kept, in its file."""

    def current(self) -> str:
        """The text in use."""

    def problems(self, text: str) -> Sequence[str]:
        """What is wrong with a policy, each with what to do; empty for one that would be taken up."""

    def compare(self, text: str, cases: int = 500) -> PolicyDifference:
        """Raises ``Rejected`` for a policy with problems."""


class BacktestState(StrEnum):
    """A backtest's life."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Backtest:
    """A replay of recorded requests under two policies. ``report`` is the comparison of
    ``keywatch replay --against`` as JSON has it, None until it is done; ``error`` says why it failed.
    """

    id: str
    state: BacktestState
    who: str
    started_ms: int
    ended_ms: int | None = None
    report: Mapping[str, Any] | None = None
    error: str = ""


class Backtests(Protocol):
    """Backtests over what Kafka still holds; one at a time a process."""

    def start(self, text: str, from_ms: int, to_ms: int, who: str) -> Backtest:
        """Raises ``Rejected`` for a bad policy or period, ``Refused(CONFLICT)`` while another runs."""

    def get(self, backtest_id: str) -> Backtest:
        """Raises ``Refused(NOT_FOUND)``."""
