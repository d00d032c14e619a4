"""How far a change of pepper has come: keys by the version that their secret is hashed under."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.ports import KeyState
from keystore.record import KeyDetails

ENDED = (KeyState.REVOKED, KeyState.EXPIRED)


@dataclass(slots=True)
class Census:
    """Counts by version. ``living`` leaves out revoked and expired keys: a pepper may go without them.

    ``left`` names some living keys under versions that are not the current one, newest first.
    """

    keys: Counter[int] = field(default_factory=Counter)
    living: Counter[int] = field(default_factory=Counter)
    left: list[KeyDetails] = field(default_factory=list)


def census(keys: Iterable[KeyDetails], current: int, named: int = 0) -> Census:
    """Count keys with a hash; at most ``named`` are kept by name."""
    found = Census()
    for key in keys:
        version = key.pepper_version
        if not version:
            continue
        found.keys[version] += 1
        if key.status.state in ENDED:
            continue
        found.living[version] += 1
        if version != current and len(found.left) < named:
            found.left.append(key)
    return found
