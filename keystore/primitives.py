"""What a database must do to hold our keys: a few atomic steps; the rest is alike for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from domain.clock import Clock
from domain.errors import Fatal, Reason
from domain.ports import KeyStatus
from keystore.admission import Admission, Presented
from keystore.agenda import AgendaItem, Book
from keystore.hashing import Peppers
from keystore.proved import Proved
from keystore.record import KeyRecord
from keystore.results import DueExpiry, Usage, unknown_key
from keystore.rules import StoreRules
from keystore.transitions import Change


class Primitives(ABC):
    """The steps, and the clock, peppers and rules that everything above them shares."""

    def __init__(self, clock: Clock, peppers: Peppers | None, rules: StoreRules) -> None:
        self._clock = clock
        self._peppers = peppers
        self._rules = rules
        self._proved = Proved()

    @property
    def peppers(self) -> Peppers | None:
        """What secrets are hashed with."""
        return self._peppers

    def use_peppers(self, peppers: Peppers) -> None:
        """From now on, hash with these: after a pepper file was changed."""
        self._peppers = peppers

    @abstractmethod
    def _create(self, records: Sequence[KeyRecord]) -> Sequence[KeyRecord]:
        """Store new keys with their indexes; a key that is there already, and the same, is answered.

        Raises ``Refused(CONFLICT)``.
        """

    @abstractmethod
    def _load_many(self, key_ids: Sequence[str]) -> Sequence[KeyRecord | None]:
        """Records in the order asked."""

    @abstractmethod
    def _admit(self, presented: Presented) -> Admission | None:
        """Find the key with one of these digests, and take one request from it by the rules of
        :func:`keystore.admission.admit`: all in one atomic step.

        A key found under an old pepper is moved to the current one. None for no key.
        """

    @abstractmethod
    def _admit_known(self, key_id: str, hashed: str) -> Admission | None:
        """:meth:`_admit` for an imported key that was found another way; None if that is not its hash."""

    @abstractmethod
    def _note_lookup(self, version: int, lookup: str, key_id: str) -> None:
        """Have an imported key found by what :func:`keystore.slow_hash.lookups` says of its secret."""

    @abstractmethod
    def _forget_lookup(self, version: int, lookup: str, key_id: str) -> None:
        """No more."""

    @abstractmethod
    def _looked_up(self, found_by: Mapping[int, str]) -> Sequence[str]:
        """The ids of imported keys that may have this secret."""

    @abstractmethod
    def _replace_hash(self, record: KeyRecord, hashed: str, version: int) -> KeyRecord:
        """Put another hash of the same secret into the record, if it still has the one given."""

    @abstractmethod
    def _usages(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        """In the order asked; an empty one for a key never used or unknown."""

    @abstractmethod
    def _listed(self, cursor: str, limit: int) -> Sequence[str]:
        """Up to ``limit`` members of the listing below ``cursor`` ("" for the top), falling."""

    @abstractmethod
    def count(self) -> int:
        """How many keys there are, in whatever state. One round trip."""

    @abstractmethod
    def _apply(self, key_id: str, change: Change) -> KeyRecord:
        """Change the key by the rules of :mod:`keystore.transitions`, atomically. Raises ``Refused``."""

    @abstractmethod
    def _schedule(self, due: DueExpiry, *, postpone: bool = False) -> None:
        """Have the suspension looked at when it is due: the earlier time wins, unless ``postpone``."""

    @abstractmethod
    def _unschedule(self, key_id: str, case_id: str) -> None:
        """Forget it."""

    @abstractmethod
    def _plan(self, book: Book, items: Sequence[AgendaItem]) -> None:
        """Put these into the agenda; one that is there already gets the new time."""

    @abstractmethod
    def _planned(self, book: Book, now_ms: int, limit: int) -> Sequence[AgendaItem]:
        """What is due, the longest due first."""

    @abstractmethod
    def _claim(self, book: Book, item: AgendaItem, later_ms: int) -> bool:
        """Take a due item: it is not due again before ``later_ms``. False when another has it."""

    @abstractmethod
    def _strike(self, book: Book, item: AgendaItem) -> None:
        """Done with it."""

    def _load(self, key_id: str) -> KeyRecord:
        record = self._load_many([key_id])[0]
        if record is None:
            raise unknown_key(key_id)
        return record

    def _changed(self, key_id: str, change: Change) -> KeyStatus:
        return self._apply(key_id, change).status(self._now_ms())

    def _need_peppers(self) -> Peppers:
        if self._peppers is None:
            raise Fatal(Reason.CONFIG, "no pepper: set keystore.pepper_file to issue or verify keys")
        return self._peppers

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
