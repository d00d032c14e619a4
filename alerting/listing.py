"""Listings that are read by pages, newest first, with an exact cursor.

A member is a time in 13 digits, a colon and an id, all with one score, so that members are ordered by
their bytes and the last one read is an exact cursor even among things of one millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from domain.errors import Reason, Rejected

T = TypeVar("T")
SCANS: Final = 20
"""Members pages read at most to fill one page when few things match."""
_MEMBER: Final = re.compile(r"\d{13}:[^\x00-\x20]{1,200}")


def member_at(ms: int, item_id: str) -> str:
    """The place in a listing of what came at ``ms``, epoch milliseconds."""
    return f"{ms:013d}:{item_id}"


def id_of(member: str) -> str:
    """The id of a member."""
    return member.partition(":")[2]


def key_listing(key_id: str) -> str:
    """What belongs to one key; ids are exact bytes from outside, so they are written in hex."""
    return f"key:{key_id.encode().hex()}"


def tenant_listing(tenant: str) -> str:
    """What belongs to one tenant."""
    return f"tenant:{tenant.encode().hex()}"


def checked_cursor(cursor: str) -> str:
    """The cursor itself. Raises ``Rejected`` for one that no page gave."""
    if cursor and not _MEMBER.fullmatch(cursor):
        raise Rejected(Reason.WRONG_TYPE, "not a cursor: pass the one that the last page gave, or none")
    return cursor


def read_listing(
    cursor: str,
    limit: int,
    below: Callable[[str, int], Sequence[str]],
    many: Callable[[Sequence[str]], Sequence[T]],
    fits: Callable[[T], bool],
    member: Callable[[T], str],
) -> tuple[list[T], str]:
    """What fits, and the next cursor. ``below(cursor, n)`` answers up to n members in falling order,
    ``many`` what their ids name. Raises ``Rejected``.
    """
    at, found = checked_cursor(cursor), list[T]()
    for _ in range(SCANS):
        members = below(at, limit)
        for one in many([id_of(name) for name in members]):
            if fits(one):
                found.append(one)
                if len(found) == limit:
                    return found, member(one)
        if len(members) < limit:
            return found, ""
        at = members[-1]
    return found, at
