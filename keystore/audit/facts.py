"""What the audit knows of one key, and whom it asks for what the key store does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ports import KeyState


@dataclass(frozen=True, slots=True)
class Observed:
    """How a key is used, from its baseline.

    ``networks``: distinct /24s (/48s) that the baseline remembers, a lower bound. It forgets over a month:
    one used for a single minute sooner than one used every day.
    ``last_seen_ms`` is event time, None before its first minute was over.
    """

    networks: int
    last_seen_ms: int | None
    requests_a_day: float


@dataclass(frozen=True, slots=True)
class LeakedSecret:
    """A whole secret that was seen where only a key id belongs; ``name`` is a hash of it."""

    name: str
    requests: int
    last_seen_ms: int | None


class KeyUsage(Protocol):
    """What the baselines say. Raises ``Transient`` when their store does not answer."""

    def watching(self) -> bool:
        """Whether there are any baselines: before the first, nothing can be told of any key."""

    def observed(self, key_ids: Sequence[str]) -> Sequence[Observed | None]:
        """In the order asked; None for a key that no request was seen of."""

    def leaked(self) -> Sequence[LeakedSecret]:
        """Every secret that decoding or the middleware reported."""


class Reviews(Protocol):
    """What the cases say."""

    def waiting_since_ms(self, case_id: str) -> int | None:
        """When a case was opened that has no verdict yet; None once it has, and for a case unknown."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One key. Times are epoch milliseconds, None is never or not known.

    ``ours``: the store holds a hash of its secret; scopes, expiry and hashing of other keys are decided
    elsewhere. ``wildcard`` is the scope that lets it call everything, "" for none. ``old_pepper``:
    hashed under a pepper that is not the current one. ``weak``: imported with a secret that can be guessed.
    ``used_ms`` and ``verifications`` (of yesterday, UTC) are the store's own count.
    ``case_id``: the case that suspended it; ``waiting_since_ms``: that case waits for a verdict since then.
    ``watched``: its requests would be in ``seen``, so None there means that there were none.
    """

    key_id: str
    state: KeyState
    created_ms: int
    tenant: str = ""
    owner: str = ""
    ours: bool = True
    expires_ms: int | None = None
    wildcard: str = ""
    old_pepper: bool = False
    weak: bool = False
    case_id: str = ""
    used_ms: int | None = None
    verifications: int = 0
    watched: bool = False
    seen: Observed | None = None
    waiting_since_ms: int | None = None

    def last_used_ms(self) -> int | None:
        """The later of what the store and the baseline saw."""
        seen = [self.used_ms, self.seen.last_seen_ms if self.seen else None]
        return max((ms for ms in seen if ms is not None), default=None)
