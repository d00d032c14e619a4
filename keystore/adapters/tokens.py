"""Bearer tokens: from a file, or from an OAuth 2.0 token endpoint and kept until they run out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from domain.clock import Clock
from domain.errors import Fatal, Reason
from domain.secret import Secret
from keystore.adapters.http import Answer, Headers

RENEW_BEFORE_S: Final = 120.0
"""A token is fetched anew this long before it runs out, as requests take time and clocks differ."""


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int | str = 0
    """Seconds; Azure's metadata service answers text."""


class OAuthTokens:
    """Headers with a token from ``fetch``. Thread-safe: one of the callers fetches, the others wait."""

    def __init__(self, fetch: Callable[[], Answer], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._token = Secret("")
        self._until_s = float("-inf")

    def __call__(self) -> Mapping[str, str]:
        with self._lock:
            now_s = self._clock.now()
            if now_s >= self._until_s:
                answer = self._fetch().into(_Token)
                self._token = Secret(answer.access_token)
                self._until_s = now_s + max(float(answer.expires_in) - RENEW_BEFORE_S, 0.0)
            return bearer(self._token)


def bearer(token: Secret) -> Mapping[str, str]:
    """The header of RFC 6750."""
    return {"Authorization": f"Bearer {token.reveal()}"}


def from_file(path: Path, header: Callable[[Secret], Mapping[str, str]] = bearer) -> Headers:
    """A credential that somebody else renews in a file: read at each call."""
    return lambda: header(read_secret(path))


def read_secret(path: Path) -> Secret:
    """What a file holds, without white space around it. Raises ``Fatal(CREDENTIALS)``."""
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise Fatal(Reason.CREDENTIALS, f"cannot read the credential in {path}: {error.strerror}") from error
    if not text:
        raise Fatal(Reason.CREDENTIALS, f"the credential in {path} is empty")
    return Secret(text)
