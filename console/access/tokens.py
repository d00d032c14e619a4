"""Static tokens: a file of names, roles and hashes, one a line. The tokens themselves are kept nowhere.

A token has 256 random bits, so a plain SHA-256 of it cannot be searched through.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from console.access.person import AccessRole, Person
from domain.clock import Clock
from domain.errors import Fatal, Reason
from domain.secret import Secret

PREFIX: Final = "kwc_"
_NAME: Final = re.compile(r"[\w.@+-]{1,80}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class StaticToken(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One line of the file. ``expires`` is a time with its zone; none is never."""

    name: str
    role: AccessRole
    sha256: str
    expires: datetime | None = None


class StaticTokens:
    """Who holds which token, and until when."""

    def __init__(self, lines: Sequence[StaticToken], clock: Clock) -> None:
        self._lines = lines
        self._clock = clock

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def any_valid(self) -> bool:
        """Whether anybody can come in by one."""
        return any(self._runs(line) for line in self._lines)

    def replace(self, other: StaticTokens) -> None:
        """Know those of another from now on."""
        self._lines = other._lines

    def person(self, token: str) -> tuple[Person, str] | None:
        """Who holds it, and its proof as :meth:`holds` takes it; takes as long whichever line it is."""
        return self._known(digest(token))

    def holds(self, proof: str) -> Person | None:
        """Who the token of this proof belongs to now; None once it is taken out of the file or too old."""
        found = self._known(proof)
        return found[0] if found else None

    def _known(self, proof: str) -> tuple[Person, str] | None:
        found = None
        for line in self._lines:
            if hmac.compare_digest(line.sha256, proof) and self._runs(line):
                found = Person(f"console:{line.name}", line.role, "token"), proof
        return found

    def _runs(self, line: StaticToken) -> bool:
        return line.expires is None or self._clock.now() < line.expires.timestamp()


def digest(token: str) -> str:
    """As the file has it."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def new_token(name: str, role: AccessRole, expires: datetime | None = None) -> tuple[Secret, str]:
    """A new token, and its line for the file. Raises ``Fatal`` for a name that the audit cannot keep."""
    _check_name(name)
    token = PREFIX + secrets.token_urlsafe(32)
    until = f", expires: {expires.astimezone(UTC).isoformat()}" if expires else ""
    # quoted, since YAML would read digits as a number
    line = f'- {{name: "{name}", role: {role.value}, sha256: "{digest(token)}"{until}}}'
    return Secret(token), line


def tokens_of(text: str, source: str, clock: Clock) -> StaticTokens:
    """The file's tokens. Raises ``Fatal`` naming ``source`` and what is wrong in it."""
    try:
        lines = msgspec.yaml.decode(text, type=list[StaticToken]) if text.strip() else []
    except msgspec.DecodeError as error:
        raise Fatal(
            Reason.CONFIG,
            f"console.tokens_file: {source}: {error}: it is a list of lines as "
            "`keywatch console token` prints them",
        ) from error
    for line in lines:
        _check_name(line.name)
        if not _HASH.fullmatch(line.sha256):
            raise Fatal(Reason.CONFIG, f"console.tokens_file: {source}: sha256 of {line.name} is no SHA-256")
        if line.expires is not None and line.expires.tzinfo is None:
            raise Fatal(Reason.CONFIG, f"console.tokens_file: {source}: expires of {line.name} has no zone")
    if len({line.sha256 for line in lines}) < len(lines):
        raise Fatal(Reason.CONFIG, f"console.tokens_file: {source}: a token is there twice")
    return StaticTokens(lines, clock)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Fatal(Reason.CONFIG, f"a token's name has letters, digits and . @ + - _, not {name!r}")
