"""How a secret is kept: HMAC-SHA-256 under a pepper that the store does not hold.

Why not bcrypt, scrypt or Argon2: they slow down the guessing of passwords, which people choose from a
small space. A key has 256 random bits, so there is nothing to guess, and a slow hash would cost every
request milliseconds and hand attackers a way to burn our CPU. The pepper is for the other risk: who
steals the store's data, or can write to it, has neither a test for a leaked key nor a way to forge one.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import Fatal, Reason
from domain.secret import Secret

MIN_PEPPER_BYTES: Final = 32
"""The output size of SHA-256; RFC 2104, section 3, advises against shorter keys."""

_CURRENT: Final = re.compile(r"current:([1-9][0-9]{0,8})")
_LINE: Final = re.compile(r"([1-9][0-9]{0,8}):((?:[0-9A-Fa-f]{2})+)")


@dataclass(frozen=True, slots=True)
class Peppers:
    """Peppers by version, as hex text. New keys use ``current``; old ones verify while theirs is listed.

    Raises ``Fatal(CONFIG)`` when ``current`` is missing or a pepper is shorter than 32 bytes.
    """

    current: int
    by_version: Mapping[int, Secret]

    def __post_init__(self) -> None:
        if self.current not in self.by_version:
            raise Fatal(Reason.CONFIG, f"peppers: current version {self.current} is not among them")
        for version, pepper in self.by_version.items():
            _check_pepper(f"pepper version {version}", pepper)

    @classmethod
    def generate(cls) -> Peppers:
        """One random pepper, version 1. Lose it and no issued key verifies: see :meth:`save`."""
        return cls(1, {1: _random_pepper()})

    @classmethod
    def from_file(cls, path: Path) -> Peppers:
        """Read lines ``version:hexpepper``; blank lines and ``#`` comments pass. The highest is current,
        unless a line ``current:version`` names another: a new pepper must have reached every host before
        the first one uses it.

        Raises ``Fatal(CONFIG)`` naming the file and line, never the content.
        """
        current, by_version = _parse_file(path)
        if not by_version:
            raise Fatal(Reason.CONFIG, f"{path} holds no pepper: write a line `1:` + 64 hex digits")
        if current and current not in by_version:
            raise Fatal(Reason.CONFIG, f"{path}: current version {current} is not among them")
        return cls(current or max(by_version), by_version)

    def added(self) -> Peppers:
        """With one random pepper more, not yet the current one."""
        version = max(self.by_version) + 1
        return Peppers(self.current, {**self.by_version, version: _random_pepper()})

    def using(self, version: int) -> Peppers:
        """With another current one. Raises ``Fatal(CONFIG)`` for one that is not there."""
        return Peppers(version, self.by_version)

    def without(self, version: int) -> Peppers:
        """With one less. Raises ``Fatal(CONFIG)`` for the current one."""
        return Peppers(self.current, {v: p for v, p in self.by_version.items() if v != version})

    def save(self, path: Path) -> None:
        """Write a new file for :meth:`from_file`, readable by its owner only. Raises ``FileExistsError``."""
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(self._text(), "ascii")

    def replace(self, path: Path) -> None:
        """Write the file anew, whole or not at all; comments go. Raises ``OSError``."""
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        self.save(fresh)
        fresh.replace(path)

    def _text(self) -> str:
        lines = [f"{version}:{pepper.reveal()}" for version, pepper in sorted(self.by_version.items())]
        return "\n".join([*lines, f"current:{self.current}", ""])

    def digest(self, secret: Secret, version: int | None = None) -> str:
        """64 hex digits of the secret under a pepper version, by default the current one."""
        pepper = self.by_version[self.current if version is None else version]
        key = bytes.fromhex(pepper.reveal())
        return hmac.digest(key, secret.reveal().encode(errors="replace"), "sha256").hex()

    def digests(self, secret: Secret) -> dict[int, str]:
        """The digest under every version, the current one first."""
        order = sorted(self.by_version, key=lambda version: (version != self.current, -version))
        return {version: self.digest(secret, version) for version in order}


def same_digest(left: str, right: str) -> bool:
    """Compare in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)


def _random_pepper() -> Secret:
    return Secret(secrets.token_hex(MIN_PEPPER_BYTES))


def _parse_file(path: Path) -> tuple[int, dict[int, Secret]]:
    """The current version, 0 if no line names it, and the peppers."""
    try:
        lines = path.read_text("ascii", errors="replace").splitlines()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read pepper file {path}: {error.strerror}") from None
    current, by_version = 0, dict[int, Secret]()
    for number, line in enumerate(map(str.strip, lines), 1):
        if match := _CURRENT.fullmatch(line):
            current = int(match[1])
        elif line and not line.startswith("#"):
            version, pepper = _parse_line(f"{path} line {number}", line)
            if version in by_version:
                raise Fatal(Reason.CONFIG, f"{path} line {number}: version {version} is there twice")
            by_version[version] = pepper
    return current, by_version


def _parse_line(where: str, line: str) -> tuple[int, Secret]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise Fatal(Reason.CONFIG, f"{where}: write `version:hexpepper`, such as `1:` + 64 hex digits")
    pepper = Secret(match[2])
    _check_pepper(where, pepper)
    return int(match[1]), pepper


def _check_pepper(where: str, pepper: Secret) -> None:
    text = pepper.reveal()
    if len(text) < 2 * MIN_PEPPER_BYTES:
        raise Fatal(
            Reason.CONFIG,
            f"{where}: shorter than {MIN_PEPPER_BYTES} bytes; make it with openssl rand -hex 32",
        )
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", text):
        raise Fatal(Reason.CONFIG, f"{where}: not hex digits")
