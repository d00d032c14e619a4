"""What a key may call: endpoints with methods. What no scope opens is closed.

A scope is ``METHODS:PATTERN``, such as ``GET,HEAD:/v1/items/**`` or ``*:/v1/orders/*``. The pattern is
a glob of the library `wcmatch <https://facelessuser.github.io/wcmatch/glob/>`_: ``*`` and ``?`` stay
within a segment, ``**`` spans segments (``/v1/**`` is all below ``/v1/``), ``[ab]`` is one letter. A
trailing slash of the path does not matter; upper and lower case do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from wcmatch import glob

from domain.errors import Reason, Rejected
from keystore.refusal import Refusal

ANY_METHOD: Final = "*"
MAX_SCOPES: Final = 100
MAX_SCOPE_CHARS: Final = 500
MAX_SPANS: Final = 2
"""``**`` in a pattern; with the depth below it bounds a comparison to a fraction of a millisecond."""
MAX_PATH_CHARS: Final = 2048
MAX_DEPTH: Final = 64
"""Segments of a path."""
CACHED: Final = 4096
"""Compiled sets of scopes kept in this process, about 2 kB each."""

_FLAGS: Final = glob.GLOBSTAR | glob.DOTGLOB | glob.CASE | glob.FORCEUNIX
_METHODS: Final = re.compile(r"\*|[A-Z]{1,20}(?:,[A-Z]{1,20})*")
_BRACES: Final = re.compile(r"[{}]")
_CATCH_ALL: Final = re.compile(r"/?\*{1,2}(?:/\*{1,2})*")
_TWO_READINGS: Final = re.compile(
    r"//|/\.{1,2}(?:;[^/]*)?(?:/|$)|\\|%(?:2[ef]|5c|00)|[\x00-\x1f\x7f]", re.IGNORECASE
)
"""Paths that one server reads so and the next otherwise: dot segments, encoded slashes, control letters."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope, ready to compare. :func:`parse_scope` makes it."""

    methods: frozenset[str]
    pattern: str
    _path: re.Pattern[str]

    def opens(self, path: str) -> bool:
        """Whether the pattern covers the path, by whatever method."""
        return self._path.match(path) is not None

    def allows(self, method: str) -> bool:
        """Whether the scope is for this method; methods are upper case, as in RFC 9110."""
        return ANY_METHOD in self.methods or method in self.methods

    @property
    def wildcard(self) -> bool:
        """Whether it opens everything at the top: what an audit should question."""
        return _CATCH_ALL.fullmatch(self.pattern) is not None


def parse_scope(text: str) -> Scope:
    """Raises ``Rejected(WRONG_TYPE)``.

    >>> scope = parse_scope("GET,HEAD:/v1/items/**")
    >>> scope.opens("/v1/items/42"), scope.opens("/v1/users"), scope.allows("POST")
    (True, False, False)
    """
    methods, _, pattern = text.partition(":")
    if len(text) > MAX_SCOPE_CHARS or text.split() != [text] or not _METHODS.fullmatch(methods):
        raise _bad_scope(text)
    if not pattern.startswith("/") or _BRACES.search(pattern) or pattern.count("**") > MAX_SPANS:
        raise _bad_scope(text)
    (source,), _ = glob.translate(pattern, flags=_FLAGS)
    return Scope(frozenset(methods.split(",")), pattern, re.compile(source))


def check_scopes(texts: Sequence[str]) -> None:
    """Raises ``Rejected(WRONG_TYPE)`` for what is no scope, or for too many."""
    if len(texts) > MAX_SCOPES:
        raise Rejected(Reason.WRONG_TYPE, f"scopes: {len(texts)}, at most {MAX_SCOPES}; use patterns")
    for text in texts:
        parse_scope(text)


def scope_refusal(texts: tuple[str, ...], method: str, path: str) -> Refusal | None:
    """Why these scopes do not let the request through; None when one does.

    A path that servers read in different ways, or of absurd size, is closed to every key.
    """
    opening = [scope for scope in _compiled(texts) if scope.opens(path)] if _plain(path) else []
    if not opening:
        return Refusal.ENDPOINT_NOT_ALLOWED
    return None if any(scope.allows(method) for scope in opening) else Refusal.METHOD_NOT_ALLOWED


def _plain(path: str) -> bool:
    small = len(path) <= MAX_PATH_CHARS and path.count("/") <= MAX_DEPTH
    return small and path.startswith("/") and not _TWO_READINGS.search(path)


@lru_cache(maxsize=CACHED)
def _compiled(texts: tuple[str, ...]) -> tuple[Scope, ...]:
    """Words of a record made before scopes had a form open nothing."""
    scopes = []
    for text in texts:
        try:
            scopes.append(parse_scope(text))
        except Rejected:
            continue
    return tuple(scopes)


def _bad_scope(text: str) -> Rejected:
    return Rejected(
        Reason.WRONG_TYPE,
        f"scope {text[:80]!r}: write METHODS:/path, such as GET,HEAD:/v1/items/**, * for a path "
        f"parameter, no braces, {MAX_SPANS} times ** and {MAX_SCOPE_CHARS} characters at most",
    )
