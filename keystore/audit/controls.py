"""The controls: what each asks of a key, and what to do about a key that fails it.

Pure functions over :class:`keystore.audit.facts.KeyFacts`. Revoked and expired keys are held to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.ports import KeyState
from keystore.audit.facts import KeyFacts

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
USABLE: Final = (KeyState.ACTIVE, KeyState.RETIRING)
LIVE: Final = (*USABLE, KeyState.SUSPENDED)


class Control(StrEnum):
    """The names of the controls, in the report's order."""

    LEAKED = "leaked"
    WILDCARD_SCOPE = "wildcard_scope"
    MANY_NETWORKS = "many_networks"
    UNREVIEWED = "unreviewed"
    OLD = "old"
    UNUSED = "unused"
    NO_EXPIRY = "no_expiry"
    EXPIRING = "expiring"
    OLD_PEPPER = "old_pepper"
    WEAK_SECRET = "weak_secret"  # noqa: S105 - the name of a control


class Status(StrEnum):
    """``unknown`` is a control that could not be checked, which is not the same as ``ok``."""

    OK = "ok"
    UNKNOWN = "unknown"
    ATTENTION = "attention"
    FAILED = "failed"

    @property
    def rank(self) -> int:
        """0 for ok to 3 for failed."""
        return list(Status).index(self)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The lines that controls draw. ``max_networks``: more distinct networks than this is sharing."""

    max_age_days: int = 90
    unused_days: int = 30
    expiring_days: int = 30
    max_networks: int = 10
    review_hours: int = 24


@dataclass(frozen=True, slots=True)
class Moment:
    """When the audit runs and by which settings."""

    now_ms: int
    settings: AuditSettings

    def days_since(self, moment_ms: int) -> int:
        """Whole days."""
        return (self.now_ms - moment_ms) // DAY_MS


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a control names a key: a number to sort by, and words. ``value`` is in the rule's unit."""

    value: int
    says: str


def many(number: int, what: str) -> str:
    """A number of things in words.

    >>> many(1, "day"), many(1200, "day")
    ('1 day', '1,200 days')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")


Check = Callable[[KeyFacts, Moment], Fault | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One control. ``applies`` chooses the keys it looks at; ``least_first`` sorts small values on top."""

    control: Control
    status: Status
    title: str
    advice: str
    unit: str
    applies: Callable[[KeyFacts], bool]
    check: Check
    least_first: bool = False


def _usable_and_watched(key: KeyFacts) -> bool:
    """The store sees every use of its own keys, the baselines those of all."""
    return key.state in USABLE and (key.ours or key.watched)


def _live_ours(key: KeyFacts) -> bool:
    return key.state in LIVE and key.ours


def _staying(key: KeyFacts) -> bool:
    """Not one that was rotated: that one ends by itself, when its time of grace is over."""
    return key.state in (KeyState.ACTIVE, KeyState.SUSPENDED)


def _staying_ours(key: KeyFacts) -> bool:
    return _staying(key) and key.ours


def _watched(key: KeyFacts) -> bool:
    return key.state in LIVE and key.watched


def _held_for_a_case(key: KeyFacts) -> bool:
    return key.state is KeyState.SUSPENDED


def _wildcard(key: KeyFacts, moment: Moment) -> Fault | None:
    del moment
    return Fault(1, f"scope {key.wildcard}") if key.wildcard else None


def _networks(key: KeyFacts, moment: Moment) -> Fault | None:
    networks = key.seen.networks if key.seen else 0
    return Fault(networks, f"{networks} networks") if networks > moment.settings.max_networks else None


def _unreviewed(key: KeyFacts, moment: Moment) -> Fault | None:
    if key.waiting_since_ms is None:
        return None
    hours = (moment.now_ms - key.waiting_since_ms) // HOUR_MS
    return Fault(hours, f"waits {many(hours, 'hour')}") if hours >= moment.settings.review_hours else None


def _old(key: KeyFacts, moment: Moment) -> Fault | None:
    days = moment.days_since(key.created_ms)
    return Fault(days, f"{days} days old") if days > moment.settings.max_age_days else None


def _unused(key: KeyFacts, moment: Moment) -> Fault | None:
    used_ms = key.last_used_ms()
    days = moment.days_since(key.created_ms if used_ms is None else used_ms)
    if days <= moment.settings.unused_days:
        return None
    return Fault(
        days, f"never used in {many(days, 'day')}" if used_ms is None else f"unused for {many(days, 'day')}"
    )


def _no_expiry(key: KeyFacts, moment: Moment) -> Fault | None:
    if key.expires_ms is not None:
        return None
    return Fault(moment.days_since(key.created_ms), "never expires")


def _expiring(key: KeyFacts, moment: Moment) -> Fault | None:
    if key.expires_ms is None:
        return None
    days = (key.expires_ms - moment.now_ms) // DAY_MS
    return Fault(days, f"{many(days, 'day')} left") if days < moment.settings.expiring_days else None


def _old_pepper(key: KeyFacts, moment: Moment) -> Fault | None:
    return Fault(moment.days_since(key.created_ms), "under an old pepper") if key.old_pepper else None


def _weak(key: KeyFacts, moment: Moment) -> Fault | None:
    return Fault(moment.days_since(key.created_ms), "imported, can be guessed") if key.weak else None


RULES: Final = (
    Rule(
        Control.WILDCARD_SCOPE,
        Status.FAILED,
        "may call every endpoint",
        "issue a successor with the endpoints it needs",
        "",
        _live_ours,
        _wildcard,
    ),
    Rule(
        Control.MANY_NETWORKS,
        Status.FAILED,
        "used from more than {max_networks} networks",
        "give every user of it a key of their own",
        "networks",
        _watched,
        _networks,
    ),
    Rule(
        Control.UNREVIEWED,
        Status.FAILED,
        "suspended for {review_hours} hours without a verdict",
        "give a verdict: keywatch cases list --state open",
        "hours",
        _held_for_a_case,
        _unreviewed,
    ),
    Rule(
        Control.OLD,
        Status.ATTENTION,
        "older than {max_age_days} days",
        "rotate it: the successor keeps its scopes",
        "days",
        _staying,
        _old,
    ),
    Rule(
        Control.UNUSED,
        Status.ATTENTION,
        "unused for {unused_days} days",
        "ask its owner, then revoke it",
        "days",
        _usable_and_watched,
        _unused,
    ),
    Rule(
        Control.NO_EXPIRY,
        Status.ATTENTION,
        "never expires",
        "issue a successor that expires",
        "days old",
        _staying_ours,
        _no_expiry,
    ),
    Rule(
        Control.EXPIRING,
        Status.ATTENTION,
        "expires within {expiring_days} days",
        "rotate it before it ends",
        "days left",
        _staying_ours,
        _expiring,
        least_first=True,
    ),
    Rule(
        Control.OLD_PEPPER,
        Status.ATTENTION,
        "hashed under an old pepper",
        "it moves when it is used; rotate it if it is not, then drop the old pepper",
        "days old",
        _staying_ours,
        _old_pepper,
    ),
    Rule(
        Control.WEAK_SECRET,
        Status.ATTENTION,
        "imported with a secret that can be guessed",
        "issue a successor with 256 random bits",
        "days old",
        _staying_ours,
        _weak,
    ),
)
"""Every control but :data:`Control.LEAKED`, which is about secrets rather than keys."""
