"""Keys in the order they were made: the members of the listing index, and reading it by pages.

A member is the time in 13 digits, a colon and the key id. All members have one score, so that they are
ordered by their bytes; the last member read is an exact cursor even among keys of one millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from domain.ports import KeyState
from keystore.record import KeyDetails, KeyRecord
from keystore.results import KeyPage

SCANS: Final = 20
"""Pages read at most to fill one page when few keys are in the state asked for."""

_TIME_DIGITS: Final = 13
"""Epoch milliseconds until the year 2286."""


def member_of(record: KeyRecord) -> str:
    """The key's place in the listing."""
    return f"{record.created_ms:0{_TIME_DIGITS}d}:{record.key_id}"


def key_id_of(member: str) -> str:
    """The key id of a member."""
    return member[_TIME_DIGITS + 1 :]


def read_page(
    members_below: Callable[[str, int], Sequence[str]],
    load: Callable[[Sequence[str]], Sequence[KeyRecord | None]],
    state: KeyState | None,
    cursor: str,
    limit: int,
    now_ms: int,
) -> KeyPage:
    """Up to ``limit`` keys in ``state``, newest first, below ``cursor`` ("" is the top).

    ``members_below(cursor, n)`` answers up to n members in falling order, ``load`` their records; an
    entry without a record is passed over.
    """
    found: list[KeyDetails] = []
    for _ in range(SCANS):
        members = members_below(cursor, limit)
        for member, record in zip(members, load([key_id_of(m) for m in members]), strict=True):
            cursor = member
            if record is not None and state in (None, record.state_at(now_ms)):
                found.append(record.details(now_ms))
            if len(found) == limit:
                return KeyPage(tuple(found), cursor)
        if len(members) < limit:
            return KeyPage(tuple(found), "")
    return KeyPage(tuple(found), cursor)
