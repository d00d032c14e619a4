"""What a button or a modal stands for: an opaque token, never the facts themselves.

A token is bound to the case, or the incident, and to its stamp: what there was to judge when it was
made. A modal's token is spent by its submission, so that the same submission is never carried out twice.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from domain.case import Case
from domain.incident import Incident
from domain.ports import Alert
from domain.redis_errors import redis_errors

BUTTON_MS: Final = 7 * 86_400_000
MODAL_MS: Final = 3_600_000


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """``case_id`` is empty when all open cases of the incident are meant. ``act``, ``user`` and
    ``channel``, where to answer, are of modals; a button may be pressed by anybody with the right.
    """

    incident_id: str
    case_id: str
    stamp: str
    act: str = ""
    user: str = ""
    channel: str = ""


class TokenStore(Protocol):
    """Tokens live for ``lives_ms`` and are stored only as hashes."""

    def issue(self, bound: Bound, lives_ms: int) -> str:
        """A new token."""

    def look(self, token: str) -> Bound | None:
        """What it stands for; None for one unknown, spent or too old."""

    def spend(self, token: str) -> Bound | None:
        """As :meth:`look`, once."""


class RedisTokenStore:
    """Strings that run out by themselves."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("button tokens")
    def issue(self, bound: Bound, lives_ms: int) -> str:
        token = secrets.token_urlsafe(24)
        self._redis.set(_key(token), msgspec.json.encode(bound), px=lives_ms)
        return token

    @redis_errors("button tokens")
    def look(self, token: str) -> Bound | None:
        return _bound(self._redis.get(_key(token)))

    @redis_errors("button tokens")
    def spend(self, token: str) -> Bound | None:
        return _bound(self._redis.getdel(_key(token)))


class MemoryTokenStore:
    """The same, gone with the process; tokens never run out."""

    def __init__(self) -> None:
        self._tokens: dict[str, Bound] = {}

    def issue(self, bound: Bound, lives_ms: int) -> str:
        del lives_ms
        token = secrets.token_urlsafe(24)
        self._tokens[_key(token)] = bound
        return token

    def look(self, token: str) -> Bound | None:
        return self._tokens.get(_key(token))

    def spend(self, token: str) -> Bound | None:
        return self._tokens.pop(_key(token), None)


class ButtonTokens:
    """Tokens for the buttons of messages; none while nobody may press."""

    def __init__(self, store: TokenStore, *, offered: Callable[[], bool], revokes: bool = True) -> None:
        self._store = store
        self._offered = offered
        self.revokes = revokes

    @property
    def offered(self) -> bool:
        """Whether somebody may press."""
        return self._offered()

    def token(self, alert: Alert) -> str:
        """A new token for the message of an alert."""
        return self._store.issue(bound_to(alert), BUTTON_MS)


def bound_to(alert: Alert) -> Bound:
    """The case, or the whole incident where it has several."""
    if alert.incident is not None and alert.total > 1:
        return Bound(incident_id=alert.id, case_id="", stamp=incident_stamp(alert.incident))
    return Bound(incident_id=alert.id, case_id=alert.case.id, stamp=case_stamp(alert.case))


def case_stamp(case: Case) -> str:
    """What there is to judge: changes with evidence, state and verdicts, not with keywatch's own notes."""
    facts = [case.state.value, case.decision.action.value, str(case.suspended), repr(case.proposal)]
    facts += [finding.id for finding in case.findings]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]


def incident_stamp(incident: Incident) -> str:
    """Likewise for an incident: how many cases, how many open, how grave."""
    return f"{incident.cases}:{incident.open}:{incident.rank}"


def _key(token: str) -> str:
    return f"kw:{{alerts}}:token:{hashlib.sha256(token.encode(errors='replace')).hexdigest()}"


def _bound(raw: bytes | None) -> Bound | None:
    return msgspec.json.decode(raw, type=Bound) if raw else None
