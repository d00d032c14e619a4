"""One partition's rows in this process: profiles and open windows by number, and what is not yet stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt

from domain.profile import (
    FLEET_DTYPE,
    PROFILE_DTYPE,
    SCHEMA_VERSION,
    TENANT_BYTES,
    WINDOW_DTYPE,
    new_profiles,
)
from monitor.baseline.migrate import row_of
from monitor.baseline.slots import put
from monitor.checkpoint.base import NO_OFFSET, SCHEMA, Claim, Commit, StateStore

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
_NO_WATERMARK = 0


class PartitionState:
    """Owned by the consumer thread. Rows are cached whole; a row is loaded when its key first appears."""

    def __init__(self, number: int, store: StateStore, claim: Claim) -> None:
        self.number = number
        self.store = store
        self.fence = claim.fence
        self.offset = claim.offset
        self.committed_offset = claim.offset
        self.watermark_ms = int(claim.meta.get("watermark_ms", _NO_WATERMARK))
        self.minute = int(claim.meta.get("minute", -1))
        self.fleet = _fleet(claim.meta.get("fleet"))
        self.fleet_dirty = False
        self.profiles = new_profiles(256)
        self.key_ids: list[str] = []
        self.slots: dict[str, int] = {}
        self.dirty: set[int] = set()
        self.windows = np.zeros(256, WINDOW_DTYPE)
        self.window_slot = np.zeros(256, np.int64)
        self.open: dict[int, dict[int, int]] = {}
        """Minute -> profile slot -> number of the window's row."""
        self._free: list[int] = list(range(255, -1, -1))
        self.windows_dirty: set[int] = set()
        self._stored: set[tuple[int, str]] = set(claim.windows)
        self.closed: list[tuple[int, str]] = []
        self.outbox: list[tuple[int, bytes]] = []
        self.samples: list[bytes] = []
        self.taken_over = 0
        """Rows begun from another partition's, as the topic grew."""
        self._adopt(claim)

    def _adopt(self, claim: Claim) -> None:
        self.slots_of([key_id for _, key_id in claim.windows], [""] * len(claim.windows))
        for (minute, key_id), raw in claim.windows.items():
            number = self.open_windows(np.array([self.slots[key_id]]), np.array([minute]))
            self.windows[number] = row_of(raw, WINDOW_DTYPE)
        self.windows_dirty.clear()

    # -- keys ----------------------------------------------------------------------------------------

    def slots_of(self, key_ids: Sequence[str], tenants: Sequence[str]) -> npt.NDArray[np.int64]:
        """Profile row numbers of the key ids; unknown ones are loaded in one round trip."""
        out = np.fromiter(map(self.slots.get, key_ids, repeat(-1)), np.int64, len(key_ids))
        missing = np.flatnonzero(out < 0)
        if len(missing):
            self._load({key_ids[i]: tenants[i] for i in reversed(missing.tolist())})
            out[missing] = [self.slots[key_ids[i]] for i in missing.tolist()]
        return out

    def _load(self, wanted: dict[str, str]) -> None:
        raws = self.store.load_profiles(self.number, list(wanted))
        unknown = [key_id for key_id, raw in zip(wanted, raws, strict=True) if raw is None]
        elsewhere = dict(zip(unknown, self.store.from_elsewhere(self.number, unknown), strict=True))
        need = len(self.key_ids) + len(wanted)
        if need > len(self.profiles):
            self.profiles = np.concatenate([self.profiles, new_profiles(max(need, len(self.profiles)))])
        for (key_id, tenant), raw in zip(wanted.items(), raws, strict=True):
            slot = len(self.key_ids)
            self.key_ids.append(key_id)
            self.slots[key_id] = slot
            if raw is not None:
                self.profiles[slot] = row_of(raw, PROFILE_DTYPE)
                continue
            self.dirty.add(slot)
            if (moved := elsewhere[key_id]) is not None:
                self.profiles[slot] = row_of(moved, PROFILE_DTYPE)
                self.taken_over += 1
            else:
                self.profiles[slot] = new_profiles(1)[0]
                self.profiles[slot]["tenant"] = tenant.encode()[:TENANT_BYTES]

    def tenant(self, slot: int) -> str:
        """The tenant of a key, as its first event named it."""
        return bytes(self.profiles[slot]["tenant"]).decode(errors="ignore")

    # -- windows -------------------------------------------------------------------------------------

    def open_windows(self, slots: Ints, minutes: Ints) -> Ints:
        """Row numbers of keys' windows (n,), opened where they are not yet. No pair twice."""
        numbers = np.empty(len(slots), np.int64)
        for minute in np.unique(minutes).tolist():
            at = np.flatnonzero(minutes == minute)
            numbers[at] = self._open_in(minute, slots[at])
        return numbers

    def _open_in(self, minute: int, slots: Ints) -> Ints:
        held, wanted = self.open.setdefault(minute, {}), slots.tolist()
        numbers = np.fromiter(map(held.get, wanted, repeat(-1)), np.int64, len(wanted))
        fresh = np.flatnonzero(numbers < 0)
        if not len(fresh):
            return numbers
        while len(self._free) < len(fresh):
            self._grow_windows()
        taken = self._free[-len(fresh) :]
        del self._free[-len(fresh) :]
        numbers[fresh] = taken
        put(self.windows, taken, np.zeros(len(taken), WINDOW_DTYPE))
        self.windows["minute"][taken] = minute
        self.window_slot[taken] = slots[fresh]
        held.update(zip(slots[fresh].tolist(), taken, strict=True))
        return numbers

    def _grow_windows(self) -> None:
        size = len(self.windows)
        self.windows = np.concatenate([self.windows, np.zeros(size, WINDOW_DTYPE)])
        self.window_slot = np.concatenate([self.window_slot, np.zeros(size, np.int64)])
        self._free[:0] = range(2 * size - 1, size - 1, -1)

    def release(self, minute: int) -> None:
        """Forget a minute's windows, here and at the next commit in the store."""
        held = self.open.pop(minute)
        self._free += held.values()
        self.windows_dirty.difference_update(held.values())
        stored = self._stored.intersection([(minute, self.key_ids[slot]) for slot in held])
        self._stored -= stored
        self.closed += sorted(stored)

    def due(self, before: int) -> dict[int, list[tuple[int, int]]]:
        """Open windows of minutes below ``before``: minute -> [(slot, window row)], keys in order."""
        return {
            minute: sorted(self.open[minute].items(), key=lambda pair: self.key_ids[pair[0]])
            for minute in sorted(self.open)
            if minute < before
        }

    # -- commit --------------------------------------------------------------------------------------

    def changed(self) -> bool:
        """Whether there is anything that a commit would write."""
        return self.offset != self.committed_offset

    def to_commit(self, fence: bytes) -> Commit:
        """Everything not yet stored; nothing is forgotten until :meth:`stored`."""
        meta = {"watermark_ms": b"%d" % self.watermark_ms, "minute": b"%d" % self.minute}
        meta[SCHEMA] = b"%d" % SCHEMA_VERSION
        if self.fleet_dirty:
            meta["fleet"] = self.fleet.tobytes()
        written = sorted(self.windows_dirty)
        minutes, slots = self.windows["minute"][written].tolist(), self.window_slot[written].tolist()
        names = [(minute, self.key_ids[slot]) for minute, slot in zip(minutes, slots, strict=True)]
        dirty = sorted(self.dirty)
        return Commit(
            expected=self.fence,
            fence=fence,
            offset=self.offset,
            meta=meta,
            profiles=dict(zip([self.key_ids[s] for s in dirty], _bytes(self.profiles, dirty), strict=True)),
            windows=dict(zip(names, _bytes(self.windows, written), strict=True)),
            closed=list(self.closed),
            outbox=list(self.outbox),
            samples=list(self.samples),
        )

    def stored(self, commit: Commit) -> None:
        """The commit was applied: what it held is clean now."""
        self.fence, self.committed_offset = commit.fence, commit.offset
        self._stored.update(commit.windows)
        self.fleet_dirty = False
        for pending in (self.dirty, self.windows_dirty, self.closed, self.outbox, self.samples):
            pending.clear()

    def touch(self, slots: Iterable[int], windows: Iterable[int]) -> None:
        """These rows changed and belong in the next commit."""
        self.dirty.update(slots)
        self.windows_dirty.update(windows)

    def evict(self, keep: int, idle_since_ms: int) -> int:
        """Drop clean, idle rows when more than ``keep`` are cached. Returns how many; call after a commit."""
        if len(self.key_ids) <= keep or self.dirty:
            return 0
        busy = set().union(*self.open.values())
        recent = self.profiles["last_ms"][: len(self.key_ids)] >= idle_since_ms
        stay = [s for s in range(len(self.key_ids)) if recent[s] or s in busy]
        gone = len(self.key_ids) - len(stay)
        if gone:
            self._compact(stay)
        return gone

    def _compact(self, stay: list[int]) -> None:
        renumber = {old: new for new, old in enumerate(stay)}
        self.profiles = np.concatenate([self.profiles[stay], new_profiles(max(256, len(stay)))])
        self.key_ids = [self.key_ids[s] for s in stay]
        self.slots = {key_id: slot for slot, key_id in enumerate(self.key_ids)}
        for minute, held in self.open.items():
            self.open[minute] = {renumber[slot]: number for slot, number in held.items()}
            for slot, number in self.open[minute].items():
                self.window_slot[number] = slot


def _bytes(rows: Rows, numbers: list[int]) -> list[bytes]:
    """The bytes of some rows."""
    size, raw = rows.dtype.itemsize, rows.take(numbers).tobytes()
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def _fleet(raw: bytes | None) -> Rows:
    if raw is None:
        fleet = np.zeros(1, FLEET_DTYPE)
        fleet["version"] = SCHEMA_VERSION
        return fleet
    return np.array([row_of(raw, FLEET_DTYPE)], FLEET_DTYPE)


__all__ = ["NO_OFFSET", "PartitionState"]
