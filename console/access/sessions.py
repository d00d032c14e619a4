"""Sessions of browsers: the id is in a cookie, the rest in Redis under the id's seal.

Who reads Redis learns no id, and who writes there makes no session: name and content are HMACs with a key
that Redis never sees.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Final

import msgspec

from console.access.person import Person
from domain.clock import Clock
from domain.redis_errors import redis_errors
from domain.secret import Secret

_ID_BYTES: Final = 32


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """``proof`` is the static token's, so that the session ends with it; empty for a login by OIDC."""

    person: Person
    began_ms: int
    proof: str = ""


class RedisSessions:
    """Each ends ``idle_s`` after it was last used and ``lives_s`` after it began."""

    def __init__(self, client: Any, secret: Secret, idle_s: float, lives_s: float, clock: Clock) -> None:
        self._redis = client
        self._secret = secret
        self._idle_ms = int(idle_s * 1000)
        self._lives_ms = int(lives_s * 1000)
        self._clock = clock

    @redis_errors("sessions")
    def begin(self, person: Person, proof: str = "") -> str:
        """A new session's id."""
        session_id = secrets.token_urlsafe(_ID_BYTES)
        session = Session(person=person, began_ms=self._now_ms(), proof=proof)
        body = msgspec.json.encode(session)
        name = self._name(session_id)
        self._redis.set(name, self._seal(name, body) + body, px=min(self._idle_ms, self._lives_ms))
        return session_id

    @redis_errors("sessions")
    def look(self, session_id: str) -> Session | None:
        """Use the session; None when there is none, or what lies there is not ours."""
        name = self._name(session_id)
        raw: bytes | None = self._redis.getex(name, px=self._idle_ms)
        if not raw or not hmac.compare_digest(raw[:64], self._seal(name, raw[64:])):
            return None
        session = msgspec.json.decode(raw[64:], type=Session)
        return session if self._now_ms() < session.began_ms + self._lives_ms else None

    @redis_errors("sessions")
    def end(self, session_id: str) -> None:
        """Nobody comes in by it any more."""
        self._redis.delete(self._name(session_id))

    def derived(self, purpose: str, session_id: str) -> str:
        """A value that only we, and who we tell it, can know of a session."""
        text = f"{purpose}\0{session_id}".encode(errors="replace")
        return hmac.new(self._secret.reveal().encode(), text, hashlib.sha256).hexdigest()

    def _name(self, session_id: str) -> str:
        return f"kw:console:session:{self.derived('name', session_id)}"

    def _seal(self, name: str, body: bytes) -> bytes:
        return self.derived("seal", f"{name}\0{body.decode(errors='replace')}").encode()

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
