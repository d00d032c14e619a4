"""One partition's rows in this process: profiles and open windows by number, and what is not yet stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from monitor.checkpoint.base import NO_OFFSET, SCHEMA, Claim, Commit, StateStore

Rows = npt.NDArray[np.void]
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
        self.open: dict[tuple[int, int], int] = {}
        """(profile slot, minute) -> number of the window's row."""
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
            number = self.open_windows([self.slots[key_id]], [minute])
            self.windows[number] = row_of(raw, WINDOW_DTYPE)
        self.windows_dirty.clear()

    # -- keys ----------------------------------------------------------------------------------------

    def slots_of(self, key_ids: Sequence[str], tenants: Sequence[str]) -> npt.NDArray[np.int64]:
        """Profile row numbers of the key ids; unknown ones are loaded in one round trip."""
        get = self.slots.get
        found = [get(key_id, -1) for key_id in key_ids]
        out = np.array(found, np.int64)
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

    def open_windows(self, slots: Sequence[int], minutes: Sequence[int]) -> npt.NDArray[np.int64]:
        """Row numbers of keys' windows, opened where they are not yet. No pair twice."""
        pairs = list(zip(slots, minutes, strict=True))
        get = self.open.get
        numbers = np.array([get(pair, -1) for pair in pairs], np.int64)
        fresh = np.flatnonzero(numbers < 0)
        if not len(fresh):
            return numbers
        while len(self._free) < len(fresh):
            self._grow_windows()
        taken = self._free[-len(fresh) :]
        del self._free[-len(fresh) :]
        numbers[fresh] = taken
        self.windows[taken] = np.zeros((), WINDOW_DTYPE)
        self.windows["minute"][taken] = np.array(minutes)[fresh]
        self.window_slot[taken] = np.array(slots)[fresh]
        self.open.update(zip([pairs[i] for i in fresh.tolist()], taken, strict=True))
        return numbers

    def _grow_windows(self) -> None:
        size = len(self.windows)
        self.windows = np.concatenate([self.windows, np.zeros(size, WINDOW_DTYPE)])
        self.window_slot = np.concatenate([self.window_slot, np.zeros(size, np.int64)])
        self._free[:0] = range(2 * size - 1, size - 1, -1)

    def release(self, pairs: Iterable[tuple[int, int]], minute: int) -> None:
        """Forget closed windows (slot, row) of a minute, here and at the next commit in the store."""
        for slot, number in pairs:
            del self.open[slot, minute]
            self._free.append(number)
            name = (minute, self.key_ids[slot])
            if name in self._stored:
                self._stored.remove(name)
                self.closed.append(name)
        self.windows_dirty.difference_update([number for _, number in pairs])

    def due(self, before: int) -> dict[int, list[tuple[int, int]]]:
        """Open windows of minutes below ``before``: minute -> [(slot, window row)], keys in order."""
        out: dict[int, list[tuple[int, int]]] = {}
        for (slot, minute), number in self.open.items():
            if minute < before:
                out.setdefault(minute, []).append((slot, number))
        for rows in out.values():
            rows.sort(key=lambda pair: self.key_ids[pair[0]])
        return dict(sorted(out.items()))

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
        busy = {slot for slot, _ in self.open}
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
        self.open = {(renumber[slot], minute): number for (slot, minute), number in self.open.items()}
        for (slot, _), number in self.open.items():
            self.window_slot[number] = slot


def _bytes(rows: Rows, numbers: list[int]) -> list[bytes]:
    """The bytes of some rows."""
    size, raw = rows.dtype.itemsize, rows[numbers].tobytes()
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def _fleet(raw: bytes | None) -> Rows:
    if raw is None:
        fleet = np.zeros(1, FLEET_DTYPE)
        fleet["version"] = SCHEMA_VERSION
        return fleet
    return np.array([row_of(raw, FLEET_DTYPE)], FLEET_DTYPE)


__all__ = ["NO_OFFSET", "PartitionState"]
