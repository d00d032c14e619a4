"""The key store in memory, for replay, demos and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

from msgspec.structs import replace

from domain.clock import Clock
from keystore.admission import Admission, Presented, admit
from keystore.agenda import AgendaItem, Book
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.listing import member_of
from keystore.record import HistoryEntry, KeyRecord
from keystore.results import DueExpiry, Usage, taken_key, unknown_key
from keystore.rules import StoreRules
from keystore.scripts import HISTORY_MAX
from keystore.transitions import KEYWATCH, Change, apply
from keystore.usage import Meter


class MemoryKeyStore(BaseKeyStore):
    """Passes the same checks as :class:`keystore.redis_store.RedisKeyStore`; gone with its process."""

    def __init__(self, clock: Clock, peppers: Peppers | None = None, rules: StoreRules | None = None) -> None:
        super().__init__(clock, peppers, rules or StoreRules())
        self._lock = Lock()
        self._records: dict[str, KeyRecord] = {}
        self._history: dict[str, list[HistoryEntry]] = {}
        self._ids_by_hash: dict[str, str] = {}
        self._due: dict[tuple[str, str], int] = {}
        self._meters: dict[str, Meter] = {}
        self._lookups: dict[tuple[int, str], set[str]] = {}
        self._agenda: dict[tuple[Book, str, str], int] = {}

    def due_expiries(self, now_ms: int, limit: int = 100) -> Sequence[DueExpiry]:
        with self._lock:
            due = [DueExpiry(at, *name) for name, at in self._due.items() if at <= now_ms]
        return sorted(due)[:limit]

    def history(self, key_id: str, limit: int = 50) -> Sequence[HistoryEntry]:
        record = self._load(key_id)
        return [*self._history[key_id][-HISTORY_MAX:][::-1], record.beginning()][:limit]

    def _create(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        with self._lock:
            return [self._create_one(record) for record in records]

    def _create_one(self, record: KeyRecord) -> KeyRecord:
        known = self._records.get(record.key_id)
        if known is None:
            self._records[record.key_id] = record
            self._history[record.key_id] = []
            if record.hash:
                self._ids_by_hash[record.hash] = record.key_id
            return record
        if (known.hash, known.tenant, known.owner) != (record.hash, record.tenant, record.owner):
            raise taken_key(record.key_id)
        return known

    def _load_many(self, key_ids: Sequence[str]) -> Sequence[KeyRecord | None]:
        return [self._records.get(key_id) for key_id in key_ids]

    def _admit(self, presented: Presented) -> Admission | None:
        version, current = next(iter(presented.digests.items()))
        with self._lock:
            for digest in presented.digests.values():
                key_id = self._ids_by_hash.get(digest)
                if key_id is not None:
                    record = self._records[key_id]
                    if record.pepper_version != version:
                        record = self._rehash(record, current, version)
                    return admit(record, self._meters.setdefault(key_id, Meter()), self._now_ms())
        return None

    def _admit_known(self, key_id: str, hashed: str) -> Admission | None:
        with self._lock:
            record = self._records.get(key_id)
            if record is None or record.hash != hashed:
                return None
            return admit(record, self._meters.setdefault(key_id, Meter()), self._now_ms())

    def _note_lookup(self, version: int, lookup: str, key_id: str) -> None:
        with self._lock:
            self._lookups.setdefault((version, lookup), set()).add(key_id)

    def _forget_lookup(self, version: int, lookup: str, key_id: str) -> None:
        with self._lock:
            self._lookups[version, lookup].discard(key_id)

    def _looked_up(self, found_by: Mapping[int, str]) -> Sequence[str]:
        with self._lock:
            return sorted({key_id for name in found_by.items() for key_id in self._lookups.get(name, ())})

    def _replace_hash(self, record: KeyRecord, hashed: str, version: int) -> KeyRecord:
        with self._lock:
            stored = self._records[record.key_id]
            return self._rehash(stored, hashed, version) if stored.hash == record.hash else stored

    def _rehash(self, record: KeyRecord, hashed: str, version: int) -> KeyRecord:
        after = replace(record, hash=hashed, pepper_version=version)
        reason, state = f"pepper {record.pepper_version} to {version}", record.state.value
        entry = HistoryEntry(self._now_ms(), "rehash", state, state, "", KEYWATCH, reason)
        self._history[record.key_id].append(entry)
        self._records[record.key_id] = after
        self._ids_by_hash[hashed] = self._ids_by_hash.pop(record.hash)
        return after

    def _usages(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        with self._lock:
            return [self._meters.get(key_id, Meter()).usage() for key_id in key_ids]

    def _listed(self, cursor: str, limit: int) -> Sequence[str]:
        with self._lock:
            members = sorted((member_of(r) for r in self._records.values()), key=str.encode, reverse=True)
        return [m for m in members if not cursor or m.encode() < cursor.encode()][:limit]

    def count(self) -> int:
        return len(self._records)

    def _apply(self, key_id: str, change: Change) -> KeyRecord:
        with self._lock:
            record = self._records.get(key_id)
            if record is None:
                raise unknown_key(key_id)
            now_ms = self._now_ms()
            after = apply(record, change, now_ms)
            if after is not record:
                self._records[key_id] = after
                states = (record.state.value, after.state.value)
                acts = (change.case_id, change.by, change.reason)
                entry = HistoryEntry(now_ms, change.verb.value, *states, *acts)
                self._history[key_id].append(entry)
            return after

    def _schedule(self, due: DueExpiry, *, postpone: bool = False) -> None:
        with self._lock:
            name = (due.key_id, due.case_id)
            if not postpone:
                self._due[name] = min(due.due_ms, self._due.get(name, due.due_ms))
            elif name in self._due:
                self._due[name] = due.due_ms

    def _unschedule(self, key_id: str, case_id: str) -> None:
        with self._lock:
            self._due.pop((key_id, case_id), None)

    def _plan(self, book: Book, items: Sequence[AgendaItem]) -> None:
        with self._lock:
            self._agenda.update({(book, item.key_id, item.what): item.due_ms for item in items})

    def _planned(self, book: Book, now_ms: int, limit: int) -> Sequence[AgendaItem]:
        with self._lock:
            due = [
                AgendaItem(at, *name) for (b, *name), at in self._agenda.items() if b == book and at <= now_ms
            ]
        return sorted(due)[:limit]

    def _claim(self, book: Book, item: AgendaItem, later_ms: int) -> bool:
        with self._lock:
            name = (book, item.key_id, item.what)
            mine = name in self._agenda and self._agenda[name] <= self._now_ms()
            if mine:
                self._agenda[name] = later_ms
            return mine

    def _strike(self, book: Book, item: AgendaItem) -> None:
        with self._lock:
            self._agenda.pop((book, item.key_id, item.what), None)
