"""What detection knows from outside its partition: keys that prove misuse, other partitions, allowances.

Jobs renew it as a whole; the consumer reads it. When it changes depends on the clock, so findings that
rest on it alone may differ between two runs over the same events (as with a new forest, see ADR 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.base import MAX_BITS
from domain.event import EnrichedColumns
from domain.finding import Evidence, Kind
from domain.profile import WINDOW_MS
from monitor.baseline.accumulate import Groups
from monitor.baseline.partition import PartitionState
from monitor.claim import Claimed

HONEY: Final = "honey_key"
STOPPED: Final = "stopped_key"
LEAKED: Final = "leaked_secret"
_SAYS: Final = {
    HONEY: ("honey key", "nobody has this key", "a request with it"),
    LEAKED: ("whole secret seen", "the key's id only", "the secret itself, in a log or a query string"),
    STOPPED: ("suspended or revoked key", "no request", "a request with it: is the gateway enforcing?"),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A key whose use is proof. ``since_ms``: events before this time are none."""

    detector: str
    since_ms: int = 0


_LEAK: Final = Watched(LEAKED)


@dataclass(slots=True)
class Outside:
    """``elsewhere``: partition -> the ``prefix_fresh`` of all other partitions together (FLEET_PREFIX_BINS,).
    ``allowed``: key id -> kind -> minute until which findings of that kind are not made.
    ``convicted``: keys with a fresh verdict of misuse.
    """

    watched: Mapping[str, Watched] = field(default_factory=dict)
    elsewhere: Mapping[int, npt.NDArray[np.float32]] = field(default_factory=dict)
    allowed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    convicted: frozenset[str] = frozenset()

    def fleet(self, part: PartitionState) -> np.void:
        """The partition's fleet row, with what was newly met in other partitions."""
        others = self.elsewhere.get(part.number)
        if others is None:
            row: np.void = part.fleet[0]
            return row
        both = part.fleet.copy()
        both["prefix_fresh"][0] += others
        return both[0]

    def allows(self, key_id: str, kind: Kind, minute: int) -> bool:
        """Whether a person said that this kind of finding is honest for this key, for now."""
        kinds = self.allowed.get(key_id)
        return kinds is not None and minute < kinds.get(kind.value, minute)


def proofs(outside: Outside, part: PartitionState, events: EnrichedColumns, groups: Groups) -> list[Claimed]:
    """A claim for every watched key's first use in a window, and for every leaked secret's."""
    watched = outside.watched
    if events.raw.leaked:
        watched = {**watched, **{events.key_id[row]: _LEAK for row in events.raw.leaked}}
    if not watched:
        return []
    found = [(g, watched.get(part.key_ids[slot])) for g, slot in enumerate(groups.slot.tolist())]
    claims = []
    for group, watch in found:
        if watch is None:
            continue
        rows = groups.order[groups.start[group] : groups.start[group + 1]]
        rows = rows[events.ts_ms[rows] >= watch.since_ms]
        if len(rows):
            claims.append(_proof(watch, events, groups, group, int(rows[0])))
    return claims


def _proof(watch: Watched, events: EnrichedColumns, groups: Groups, group: int, row: int) -> Claimed:
    what, expected, actual = _SAYS[watch.detector]
    evidence = [Evidence(what=what, expected=expected, actual=actual, bits=MAX_BITS)]
    return Claimed(
        offset=int(events.offset[row]),
        detector=watch.detector,
        kind=Kind.CERTAIN,
        slot=int(groups.slot[group]),
        window=int(groups.window[group]),
        minute=int(events.ts_ms[row]) // WINDOW_MS,
        bits=MAX_BITS,
        row=row,
        explain=lambda: evidence,
    )
