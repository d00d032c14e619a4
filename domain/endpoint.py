"""Paths to endpoint templates: what names one object becomes ``{id}``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_ID: Final = re.compile(
    r"^(?:\d+"  # numbers
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"  # UUIDs
    r"|(?=[^\d]*\d)[0-9a-fA-F]{8,}"  # hashes
    r"|(?=[^\d]*\d)[A-Za-z0-9_\-=.~]{16,}"  # ULIDs, base64, tokens
    r"|(?=[^\d]*\d)[A-Za-z]{1,8}_[A-Za-z0-9]{6,}"  # prefixed ids such as cus_4fXa91
    r"|\d{4}-\d{2}-\d{2}.*"  # dates
    r"|[^@/]+@[^@/]+\.[^@/]+)$"  # e-mail addresses
)
_COMMON: Final = re.compile(r"/(?:\d+|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![^/])")
MAX_LENGTH: Final = 200
MAX_SEGMENTS: Final = 12
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def template(path: str) -> str:
    """The endpoint without what changes from call to call.

    >>> template("/v1/users/42/files/9f86d081884c7d65?page=2"), template("iam.amazonaws.com:CreateUser")
    ('/v1/users/{id}/files/{id}', 'iam.amazonaws.com:CreateUser')
    """
    path = path.partition("?")[0].partition("#")[0]
    scheme, found, rest = path.partition("://")
    if found and scheme.isalpha():
        path = "/" + rest.partition("/")[2]
    if "/" not in path:
        return path[:MAX_LENGTH]
    segments = path.split("/")[: MAX_SEGMENTS + 1]
    return "/".join(["{id}" if s.isdecimal() else _folded(s) for s in segments])[:MAX_LENGTH]


def shortened(path: str) -> str:
    """The path with its query gone and its numbers and UUIDs folded: the same template, at a fifth of
    the cost, so that the template itself is worked out once for most paths.

    >>> shortened("/v1/users/42/files?page=2")
    '/v1/users/{id}/files'
    """
    if "?" in path:
        path = path.partition("?")[0]
    return _COMMON.sub("/{id}", path)


@lru_cache(maxsize=65_536)
def _folded(segment: str) -> str:
    return "{id}" if _ID.match(segment) else segment
