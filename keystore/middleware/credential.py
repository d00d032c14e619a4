"""The key in a request: where it belongs, and where it must not be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from domain.leak import secrets_in
from domain.secret import Secret
from keystore.middleware.call import Call
from keystore.refusal import Refusal

QUERY_NAMES: Final = frozenset({"access_token", "api_key", "api-key", "apikey", "x-api-key"})
"""Parameters that clients put keys in: RFC 6750's own, and the common ones."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """Keys in the query string: in the logs of every proxy on the way by now. ``certain``: each has the
    form and the checksum of an issued key; else only the parameter's name says that it is one.
    """

    secrets: tuple[Secret, ...]
    certain: bool


def exposed(call: Call, *, has_header: bool) -> Exposed | None:
    """Keys in the query string, under any name; by name alone only when no header carries one."""
    found = secrets_in(unquote_plus(call.query))
    if found:
        return Exposed(tuple(map(Secret, dict.fromkeys(found))), certain=True)
    if has_header or "=" not in call.query:
        return None
    named = [value for name, value in parse_qsl(call.query) if name.lower() in QUERY_NAMES]
    return Exposed(tuple(map(Secret, named)), certain=False) if named else None


def from_headers(call: Call, key_header: str) -> Secret | Refusal:
    """The one key that the headers carry. More than one is refused, as RFC 6750 (section 2) asks.

    Another scheme of ``Authorization``, such as Basic, is none of ours.
    """
    found = [_bearer(value) for value in call.headers("authorization")]
    if key_header:
        found += [value.strip() for value in call.headers(key_header.lower())]
    keys = [value for value in found if value is not None]
    if not keys:
        return Refusal.MISSING_KEY
    if len(keys) > 1:
        return Refusal.SEVERAL_KEYS
    return Secret(keys[0]) if keys[0] else Refusal.MALFORMED


def _bearer(value: str) -> str | None:
    scheme, _, key = value.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
