"""Logging in at the provider: authorization code with PKCE (RFC 7636), ``state`` and ``nonce``.

One random value in a short-lived cookie; state, nonce and verifier are HMACs of it: nothing is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

import httpx
import msgspec

from console.access.oidc import Provider
from console.access.person import Person
from console.access.sessions import RedisSessions
from domain.errors import Reason, Refused, Transient

CALLBACK: Final = "/login/oidc/callback"
LIVES_S: Final = 600.0


class _Answer(msgspec.Struct):
    id_token: str


@dataclass(frozen=True, slots=True)
class CodeFlow:
    """``sessions`` has the key for HMACs; ``public_url`` is where the provider sends people back to."""

    provider: Provider
    sessions: RedisSessions
    public_url: str

    def begin(self, to: str) -> tuple[str, str]:
        """The cookie's value, and where to send the browser. Raises ``Transient``."""
        started = f"{int(self.provider.clock.now())}.{secrets.token_urlsafe(32)}.{_packed(to)}"
        settings = self.provider.settings
        query = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(settings.scopes),
            "state": self._of("state", started),
            "nonce": self._of("nonce", started),
            "code_challenge": _challenge(self._of("verifier", started)),
            "code_challenge_method": "S256",
        }
        address = self.provider.metadata().authorization_endpoint
        return started, f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    def finish(self, started: str, state: str, code: str, issuer: str) -> tuple[Person, str]:
        """Who has logged in, and where they wanted to go. Raises ``Refused(DENIED)`` or ``Transient``."""
        if not started or not hmac.compare_digest(state.encode(), self._of("state", started).encode()):
            raise Refused(Reason.DENIED, "this login was not begun in this browser")
        begun, _, rest = started.partition(".")
        if self.provider.clock.now() - float(begun) > LIVES_S:
            raise Refused(Reason.DENIED, "this login took too long")
        if issuer and issuer != self.provider.settings.issuer:  # RFC 9207: another provider's answer
            raise Refused(Reason.DENIED, "the answer is another provider's")
        claims = self.provider.claims(self._exchanged(started, code), self.provider.settings.client_id)
        nonce = str(claims.get("nonce", ""))
        if not hmac.compare_digest(nonce.encode(), self._of("nonce", started).encode()):
            raise Refused(Reason.DENIED, "the token was made for another login")
        if claims.get("azp", self.provider.settings.client_id) != self.provider.settings.client_id:
            raise Refused(Reason.DENIED, "the token was made for another client")
        return self.provider.person(claims), _unpacked(rest.partition(".")[2])

    def _exchanged(self, started: str, code: str) -> str:
        settings = self.provider.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": self._of("verifier", started),
            "client_id": settings.client_id,
        }
        secret = settings.client_secret
        login = httpx.BasicAuth(quote(settings.client_id, safe=""), quote(secret.reveal(), safe=""))
        try:
            address = self.provider.metadata().token_endpoint
            answer = self.provider.http.post(address, data=form, auth=login if secret else httpx.Auth())
        except httpx.HTTPError as error:
            raise Transient(Reason.UNREACHABLE, "the OpenID provider does not answer") from error
        if answer.status_code != httpx.codes.OK:
            raise Refused(Reason.DENIED, f"the provider did not take the code: HTTP {answer.status_code}")
        try:
            return msgspec.json.decode(answer.content, type=_Answer).id_token
        except msgspec.DecodeError as error:
            raise Refused(Reason.DENIED, "the provider's answer holds no ID token") from error

    @property
    def _redirect_uri(self) -> str:
        return self.public_url + CALLBACK

    def _of(self, purpose: str, started: str) -> str:
        return self.sessions.derived(f"oidc {purpose}", started)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _unpacked(text: str) -> str:
    """Of a cookie whose ``state`` is right, so of ours."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
