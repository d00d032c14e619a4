"""Keys that keywatch did not make: by id alone, or with their secret."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from domain.errors import Fatal, Reason, Refused, Rejected
from domain.ports import KeyStatus
from domain.secret import Secret
from keystore import token
from keystore.admission import Admission
from keystore.agenda import Book
from keystore.arguments import check_key_id, check_text
from keystore.hashing import Peppers
from keystore.issuing import Issuing, KeySpec, record_of
from keystore.notices import expiry_items
from keystore.record import KeyRecord
from keystore.results import taken_key
from keystore.slow_hash import HASHER, lookups, slow_hash, slow_match

MIN_SECRET_CHARS: Final = 8
MAX_SECRET_CHARS: Final = 1024

Draft = tuple[str, str, str]
"""Key id, tenant and owner of a key to import."""


class Importing(Issuing):
    """Registers keys of other systems, and finds those that came with a secret."""

    def import_external(self, key_id: str, tenant: str, owner: str) -> KeyStatus:
        """Register a key whose secret lives elsewhere. Doing it again answers its status.

        Raises ``Rejected(BAD_KEY_ID)``, and ``Refused(CONFLICT)`` if the id belongs to another.
        """
        return self.import_many([(key_id, tenant, owner)])[0]

    def import_many(self, drafts: Iterable[Draft], by: str = "") -> Sequence[KeyStatus]:
        """:meth:`import_external` for many keys in few round trips. Ids before a conflict stay imported."""
        now_ms = self._now_ms()
        records = []
        for key_id, tenant, owner in drafts:
            check_key_id(key_id)
            check_text("tenant", tenant)
            check_text("owner", owner)
            spec = KeySpec(tenant, owner, prefix="", expires_s=None)
            records.append(record_of(spec, key_id, now_ms, by))
        return [record.status(now_ms) for record in self._create(records)]

    def import_secret(self, key_id: str, secret: Secret, spec: KeySpec, by: str = "") -> KeyStatus:
        """Take over a key of another system with its secret; doing it again answers its status.

        The secret is kept under Argon2, as nothing is known of its entropy; ``spec.prefix`` says its
        type and environment, its text need not. A verification then costs four round trips and some
        20 ms the first time, one round trip later (see :class:`keystore.proved.Proved`). Rotate such keys
        soon.

        Raises ``Rejected`` for values that cannot be stored and for a secret that keywatch issued,
        ``Refused(CONFLICT)`` when the id, or the secret, belongs to another key, ``Fatal(CONFIG)``
        without peppers or while ``rules`` do not say ``imported``.
        """
        peppers, now_ms = self._need_peppers(), self._now_ms()
        self._check_import(key_id, secret, spec)
        known = self._load_many([key_id])[0]
        if known is not None:
            if not slow_match(known.hash, peppers, known.pepper_version, secret):
                raise taken_key(key_id)
            return known.status(now_ms)
        if self._imported(secret, peppers) is not None:
            raise Refused(Reason.CONFLICT, f"the secret of key {key_id!r} belongs to another key already")
        version = peppers.current
        record = replace(
            record_of(spec, key_id, now_ms, by), hash=slow_hash(peppers, secret), pepper_version=version
        )
        self._note_lookup(version, lookups(peppers, secret)[version], key_id)
        (stored,) = self._create([record])
        self._plan(Book.NOTICE, list(expiry_items([stored])))
        return stored.status(now_ms)

    def _admit_imported(self, secret: Secret) -> Admission | None:
        """As :meth:`_admit`, for text that keywatch did not make."""
        peppers = self._need_peppers()
        proved = self._proved.get(secret)
        admission = self._admit_known(*proved) if proved is not None else None
        if admission is not None:
            return admission
        record = self._imported(secret, peppers)
        if record is None:
            return None
        if record.pepper_version != peppers.current or HASHER.check_needs_rehash(record.hash):
            record = self._rehashed_slowly(record, secret, peppers)
        self._proved.put(secret, record.key_id, record.hash)
        return self._admit_known(record.key_id, record.hash)

    def _imported(self, secret: Secret, peppers: Peppers) -> KeyRecord | None:
        """The key with this secret, by Argon2. Two round trips; 20 ms for each key under its lookup."""
        key_ids = self._looked_up(lookups(peppers, secret))
        for record in self._load_many(key_ids) if key_ids else ():
            if record is not None and slow_match(record.hash, peppers, record.pepper_version, secret):
                return record
        return None

    def _rehashed_slowly(self, record: KeyRecord, secret: Secret, peppers: Peppers) -> KeyRecord:
        """Under the current pepper. The new lookup is noted first, so that no crash loses the key."""
        found, version = lookups(peppers, secret), peppers.current
        self._note_lookup(version, found[version], record.key_id)
        after = self._replace_hash(record, slow_hash(peppers, secret), version)
        if record.pepper_version != version:
            self._forget_lookup(record.pepper_version, found[record.pepper_version], record.key_id)
        return after

    def _check_import(self, key_id: str, secret: Secret, spec: KeySpec) -> None:
        if not self._rules.imported:
            raise Fatal(Reason.CONFIG, "set keystore.imported_secrets: true, or nobody will look for them")
        check_key_id(key_id)
        spec.check()
        self._rules.check_prefix(spec.prefix)
        size = len(secret.reveal())
        if not MIN_SECRET_CHARS <= size <= MAX_SECRET_CHARS:
            raise Rejected(
                Reason.WRONG_TYPE,
                f"secret of key {key_id!r}: {size} characters, must be {MIN_SECRET_CHARS} to "
                f"{MAX_SECRET_CHARS}",
            )
        if token.checksum_ok(secret.reveal()):
            raise Rejected(Reason.WRONG_TYPE, f"secret of key {key_id!r}: keywatch issued it; nothing to do")
