"""The gate: every request enters through it and leaves through it, whatever the server."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, Protocol

from domain.clock import Clock
from domain.errors import KeywatchError, Transient
from domain.event import UsageEvent
from domain.leak import hashed_id, without_secrets
from domain.secret import Secret
from keystore.middleware.call import Call
from keystore.middleware.credential import Exposed, exposed, from_headers
from keystore.middleware.problem import STORE_AWAY, Answer, Headers, rate_headers, refused, store_away
from keystore.middleware.proxies import HEADER
from keystore.middleware.settings import GateSettings
from keystore.middleware.usage import UsageSink
from keystore.refusal import Refusal
from keystore.request import Request
from keystore.results import NotAccepted, Verified

MAX_TEXT_CHARS: Final = 1024
"""Of a path or a client's name in an event; detection uses their beginning."""
TELL_EVERY_S: Final = 60.0
"""How often a store that stays away is told."""
EXPOSED_MOST: Final = 3
"""Keys of one query string that are looked up: each costs a round trip."""
UNCHECKED: Final = "unchecked"
ADMITTED: Final = "admitted"


class Keys(Protocol):
    """The part of a key store that a gate needs."""

    def verify(self, secret: Secret, request: Request) -> Verified | NotAccepted:
        """Whether the key with this secret may make this request. Raises ``Transient``, ``Fatal``."""


class Tell(Protocol):
    """Where remarkable things are logged: a constant event name and fields, as :class:`monitor.logs.Log`."""

    def __call__(self, event: str, **fields: object) -> None:
        """Never given a secret, or a URL."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request at the gate. With an ``answer`` it is refused; else ``key`` is whose it is, None for a
    public path or a request let through unchecked. ``headers`` belong on the application's response.
    ``exposed``: the URL holds a key, so the server must not log it.
    """

    call: Call
    client: str
    at_ms: int
    began_s: float
    key: Verified | None = None
    key_id: str = ""
    tenant: str = ""
    answer: Answer | None = None
    headers: Headers = ()
    exposed: bool = False


class Gate:
    """Safe between threads; :meth:`enter` blocks for the store, at most one round trip.

    Parameters
    ----------
    usage
        Gets one event for every request of a known key, let in or not, and one more for a leaked key.
        Requests without a key, or with one that nobody has, are counted only.
    tell
        Told of leaked keys (by key id) and of a store that stays away.
    """

    def __init__(
        self, keys: Keys, usage: UsageSink, clock: Clock, settings: GateSettings, tell: Tell
    ) -> None:
        self.settings = settings
        self._keys = keys
        self._usage = usage
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._told_s = float("-inf")

    def enter(self, call: Call) -> Visit:
        """Let the request in or say what to answer; then call :meth:`leave` when it is answered."""
        client = self.settings.proxies.client(call.peer, call.headers(HEADER))
        visit = Visit(call, client, int(self._clock.now() * 1000), self._clock.monotonic())
        carried = from_headers(call, self.settings.key_header)
        found = exposed(call, has_header=carried is not Refusal.MISSING_KEY)
        if found is not None:
            return self._leaked(visit, found)
        if call.path in self.settings.public_paths:
            return visit
        if isinstance(carried, Refusal):
            return self._turned_away(visit, NotAccepted(carried, ""))
        return self._checked(visit, carried)

    def leave(
        self, visit: Visit, status: int, bytes_in: int | None = None, bytes_out: int | None = None
    ) -> None:
        """The request is over: tell what the key was used for. Never raises, never waits."""
        if not visit.key_id:
            return
        took_s = max(self._clock.monotonic() - visit.began_s, 0.0)
        self._usage.emit(
            _event(
                visit,
                visit.key_id,
                status,
                tenant=visit.tenant or None,
                bytes_in=bytes_in,
                bytes_out=bytes_out,
                latency_ms=round(took_s * 1000, 3),
            )
        )

    def counts(self) -> dict[str, int]:
        """Requests by outcome: ``admitted``, ``unchecked``, ``store_unavailable`` or the refusal."""
        with self._lock:
            return dict(self._counts)

    def close(self) -> None:
        """Send the usage events that wait; blocks for a few seconds at most."""
        self._usage.close()

    # -- inside --------------------------------------------------------------------------------------

    def _checked(self, visit: Visit, secret: Secret) -> Visit:
        try:
            verdict = self._verify(visit, secret)
        except KeywatchError as error:
            return self._store_away(visit, error)
        if isinstance(verdict, NotAccepted):
            return self._turned_away(visit, verdict)
        self._count(ADMITTED)
        return replace(
            visit,
            key=verdict,
            key_id=verdict.key_id,
            tenant=verdict.tenant,
            headers=rate_headers(verdict.rate),
        )

    def _verify(self, visit: Visit, secret: Secret) -> Verified | NotAccepted:
        call = visit.call
        return self._keys.verify(
            secret, Request(call.method, call.path, visit.client, self.settings.environment)
        )

    def _turned_away(self, visit: Visit, verdict: NotAccepted) -> Visit:
        self._count(verdict.refusal.value)
        return replace(
            visit,
            key_id=verdict.key_id,
            tenant=verdict.tenant,
            answer=refused(verdict.refusal, self.settings, verdict.rate),
        )

    def _store_away(self, visit: Visit, error: KeywatchError) -> Visit:
        """Closed, unless the settings say otherwise; never open for a store that refuses us."""
        is_open = self.settings.fail_open and isinstance(error, Transient)
        self._count(UNCHECKED if is_open else STORE_AWAY)
        now_s = self._clock.monotonic()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._tell("keys_not_checked", reason=error.reason.value, error=str(error), let_in=is_open)
        return visit if is_open else replace(visit, answer=store_away(self.settings))

    def _leaked(self, visit: Visit, found: Exposed) -> Visit:
        """Refuse, whatever else the request carries, and tell whose key it is: it needs a successor.

        Only a key of this store is a leak. Anybody can make up text with the right checksum, and a name in
        the topic for each would fill the baselines' memory.
        """
        owner = NotAccepted(Refusal.KEY_IN_QUERY, "")
        for secret in found.secrets[:EXPOSED_MOST]:
            known = self._owner(visit, secret)
            if known is not None:
                owner = replace(owner, key_id=known.key_id, tenant=known.tenant)
                # an imported secret may be guessed from its hash; its public id cannot tell it
                name = hashed_id(secret.reveal() if found.certain else known.key_id)
                self._usage.emit(
                    _event(visit, name, HTTPStatus.BAD_REQUEST.value, tenant=known.tenant or None)
                )
                self._tell("key_in_query", key_id=known.key_id)
        return replace(self._turned_away(visit, owner), exposed=True)

    def _owner(self, visit: Visit, secret: Secret) -> Verified | NotAccepted | None:
        """Whose key this is, whether it may be used or not; None for nobody's, and when nobody can tell."""
        try:
            verdict = self._verify(visit, secret)
        except KeywatchError:
            return None
        return verdict if verdict.key_id else None

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def _event(visit: Visit, key_id: str, status: int, **more: Any) -> UsageEvent:
    call = visit.call
    agent = next(iter(call.headers("user-agent")), "")
    return UsageEvent(
        ts=visit.at_ms,
        key_id=key_id,
        ip=visit.client,
        method=call.method,
        endpoint=without_secrets(call.path)[:MAX_TEXT_CHARS],
        status=status,
        user_agent=without_secrets(agent)[:MAX_TEXT_CHARS] or None,
        **more,
    )
