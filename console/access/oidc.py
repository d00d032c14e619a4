"""OpenID Connect: whose tokens are believed, and who they say somebody is.

Only RS256 and ES256 with a key that the provider publishes (RFC 8725): never ``none``, never a shared secret.
Times are checked by our own clock.
"""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec

from console.access.person import AccessRole, Person
from console.settings import OidcSettings
from domain.clock import Clock
from domain.errors import Fatal, Reason, Refused, Transient

ALGORITHMS: Final = {"RS256": "RSA", "ES256": "EC"}
LEEWAY_S: Final = 30.0
KEYS_S: Final = 600.0
LOOK_AGAIN_S: Final = 10.0
"""An unknown key id may make us ask the provider again, but not more often."""
TIMEOUT_S: Final = 10.0
_NAME: Final = re.compile(r"[\w.@+-]{1,120}", re.ASCII)
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


class Metadata(msgspec.Struct, frozen=True):
    """What we need of ``/.well-known/openid-configuration``."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Provider:
    """The provider's metadata and keys, fetched when first needed and kept for ten minutes. Thread-safe."""

    def __init__(self, settings: OidcSettings, clock: Clock) -> None:
        _check_issuer(settings.issuer)
        self.settings = settings
        self.clock = clock
        verify: Any = _believing(settings.ca_file) if settings.ca_file else True
        self.http = httpx.Client(timeout=TIMEOUT_S, verify=verify, follow_redirects=False)
        self._metadata: Metadata | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_s = -KEYS_S
        self._lock = threading.Lock()

    def metadata(self) -> Metadata:
        """Raises ``Transient`` while the provider does not answer, ``Refused`` when it is another."""
        found = self._metadata
        if found is None:
            address = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = self._metadata = self._checked(self._json(address))
        return found

    def _checked(self, answer: Mapping[str, Any]) -> Metadata:
        """It is another's text: it may send us, and the client secret, to https addresses only."""
        try:
            found = msgspec.convert(answer, Metadata)
        except msgspec.ValidationError as error:
            raise Refused(Reason.DENIED, f"the provider's metadata is none: {error}") from error
        if found.issuer != self.settings.issuer:
            raise Refused(Reason.DENIED, f"the provider calls itself {found.issuer}")
        local = _on_this_machine(self.settings.issuer)
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not (_over_tls(url) or (local and _on_this_machine(url))):
                raise Refused(Reason.DENIED, "the provider's metadata names an address without https://")
        return found

    def key(self, kid: str) -> jwt.PyJWK:
        """A published key. Raises ``Refused(DENIED)`` for one that is not."""
        with self._lock:
            age_s = self.clock.monotonic() - self._fetched_s
            if age_s >= KEYS_S or (kid not in self._keys and age_s >= LOOK_AGAIN_S):
                self._fetch()
            found = self._keys.get(kid)
        if found is None:
            raise Refused(Reason.DENIED, "signed with a key that the provider does not publish")
        return found

    def _fetch(self) -> None:
        answer = self._json(self.metadata().jwks_uri)
        self._fetched_s = self.clock.monotonic()
        self._keys = {str(key["kid"]): jwt.PyJWK(key) for key in _listed(answer) if _usable(key)}

    def _json(self, address: str) -> dict[str, Any]:
        try:
            answer = self.http.get(address)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise Transient(Reason.UNREACHABLE, f"the OpenID provider does not answer: {error}") from error

    # -- tokens -------------------------------------------------------------------------------------

    def bearer(self, token: str) -> Person:
        """Who an access token is of. Raises ``Refused(DENIED)``."""
        if not self.settings.audience:
            raise Refused(Reason.DENIED, "no console.oidc.audience: the provider's tokens are not taken")
        return self.person(self.claims(token, self.settings.audience))

    def claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """What a token says, once all of it is checked. Raises ``Refused(DENIED)``."""
        try:
            header = jwt.get_unverified_header(token)
            key = self.key(str(header.get("kid", "")))
            algorithm = str(header.get("alg", ""))
            if ALGORITHMS.get(algorithm) != key.key_type:
                raise Refused(Reason.DENIED, "signed with an algorithm that is not believed")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self.settings.issuer,
                options={
                    "require": ["exp", "iat", "iss", "aud", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise Refused(Reason.DENIED, f"not a token that is believed: {type(error).__name__}") from error
        self._check_times(claims)
        return claims

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self.clock.now()
        times = {name: claims.get(name, now) for name in ("exp", "nbf", "iat")}
        if not all(type(value) in (int, float) for value in times.values()):
            raise Refused(Reason.DENIED, "its times are no numbers")
        if now >= times["exp"] + LEEWAY_S:
            raise Refused(Reason.DENIED, "it has expired")
        if now < times["nbf"] - LEEWAY_S or now < times["iat"] - LEEWAY_S:
            raise Refused(Reason.DENIED, "it is not valid yet: are the clocks right?")

    def person(self, claims: Mapping[str, Any]) -> Person:
        """By the configured claims. Raises ``Refused(DENIED)`` for who has no name or no role."""
        settings = self.settings
        name = claims.get(settings.name_claim)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refused(Reason.DENIED, f"the claim {settings.name_claim} holds no name that can be kept")
        if settings.name_claim == "email" and claims.get("email_verified") is not True:
            raise Refused(Reason.DENIED, "their email is not verified")
        role = _role(_claim(claims, settings.roles_claim), settings.roles)
        if role is None:
            raise Refused(Reason.DENIED, f"{name} has no role here: see console.oidc.roles")
        return Person(f"console:{name}", role, "oidc")


def _listed(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = answer.get("keys")
    return [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []


def _usable(key: Mapping[str, Any]) -> bool:
    """A named key for signatures by an algorithm that we believe."""
    kind = key.get("kty") == "RSA" or (key.get("kty") == "EC" and key.get("crv") == "P-256")
    return kind and bool(key.get("kid")) and key.get("use", "sig") == "sig"


def _role(value: object, roles: Mapping[str, AccessRole]) -> AccessRole | None:
    """The most powerful of what the claim gives."""
    values = value if isinstance(value, list) else [value]
    found = {roles[one] for one in values if isinstance(one, str) and one in roles}
    return max(found, key=list(AccessRole).index, default=None)


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """``a.b`` is ``b`` inside ``a``, unless a claim has that very name."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _believing(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or "no certificates in it"
        raise Fatal(Reason.CONFIG, f"console.oidc.ca_file: cannot read {ca_file}: {why}") from error


def _check_issuer(issuer: str) -> None:
    if not (_over_tls(issuer) or _on_this_machine(issuer)):
        raise Fatal(Reason.CONFIG, f"console.oidc.issuer: {issuer} must begin with https://")


def _over_tls(url: str) -> bool:
    scheme, host = _where(url)
    return scheme == "https" and bool(host)


def _on_this_machine(url: str) -> bool:
    scheme, host = _where(url)
    return scheme == "http" and host in _LOCAL


def _where(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or ""
    except ValueError:
        return "", ""
