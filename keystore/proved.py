"""Secrets that Argon2 has accepted lately, so that a client pays for it once and not at every request."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from threading import Lock
from typing import Final

from domain.secret import Secret

MOST: Final = 10_000
"""About 3 MB."""


class Proved:
    """Which key a secret belongs to, for the last 10,000 secrets. Safe between threads.

    Only that: state, limits and scopes are read from the store each time, so a suspension holds at once.
    Secrets are kept as HMACs under a key that this process made up and never tells.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._key = secrets.token_bytes(32)
        self._lock = Lock()
        self._found: OrderedDict[bytes, tuple[str, str]] = OrderedDict()

    def get(self, secret: Secret) -> tuple[str, str] | None:
        """Key id and stored hash that the secret was proved against."""
        name = self._name(secret)
        with self._lock:
            found = self._found.get(name)
            if found is not None:
                self._found.move_to_end(name)
            return found

    def put(self, secret: Secret, key_id: str, hashed: str) -> None:
        """Remember it; the longest unused one goes when there are too many."""
        name = self._name(secret)
        with self._lock:
            self._found[name] = (key_id, hashed)
            self._found.move_to_end(name)
            if len(self._found) > self._most:
                self._found.popitem(last=False)

    def _name(self, secret: Secret) -> bytes:
        return hmac.digest(self._key, secret.reveal().encode(errors="replace"), hashlib.sha256)
