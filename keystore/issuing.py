"""Making keys, and registering those whose secret lives elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.ports import KeyStatus
from keystore import token
from keystore.agenda import Book
from keystore.arguments import check_key_id, check_lifetime, check_text
from keystore.hashing import Peppers
from keystore.networks import normal_networks
from keystore.notices import expiry_items
from keystore.primitives import Primitives
from keystore.rate import RateLimit
from keystore.record import KeyRecord
from keystore.results import Issued
from keystore.scopes import check_scopes

YEAR_S: Final = 365 * 86_400
"""A key nobody thinks of again ends by itself."""

Draft = tuple[str, str, str]
"""Key id, tenant and owner of a key to import."""


@dataclass(frozen=True, slots=True)
class KeySpec:
    """A key to be made. ``expires_s`` seconds from now it ends; None is never.

    Without ``scopes`` it opens nothing; without ``networks`` it works from anywhere; without ``rate``
    as often as one likes.
    """

    tenant: str
    owner: str
    name: str = ""
    prefix: str = token.DEFAULT_PREFIX
    expires_s: int | None = YEAR_S
    scopes: Sequence[str] = ()
    networks: Sequence[str] = ()
    rate: RateLimit | None = None

    def check(self) -> None:
        """Raises ``Rejected`` for a value that cannot be stored."""
        for what, text in (("tenant", self.tenant), ("owner", self.owner), ("name", self.name)):
            check_text(what, text)
        check_scopes(self.scopes)
        normal_networks(self.networks)
        check_lifetime(self.expires_s)
        token.check_prefix(self.prefix)


class Issuing(Primitives):
    """New keys: :meth:`issue` makes the secret, ``import_`` does not see one."""

    def issue(
        self,
        tenant: str,
        owner: str,
        name: str = "",
        prefix: str = token.DEFAULT_PREFIX,
        expires_s: int | None = YEAR_S,
        scopes: Sequence[str] = (),
        networks: Sequence[str] = (),
        rate: RateLimit | None = None,
    ) -> Issued:
        """Make a key; see :class:`KeySpec` for what the values mean.

        Raises ``Rejected`` for a value that cannot be stored, ``Fatal(CONFIG)`` without peppers.
        """
        return self.issue_many([KeySpec(tenant, owner, name, prefix, expires_s, scopes, networks, rate)])[0]

    def issue_many(self, specs: Sequence[KeySpec], predecessor: str = "") -> Sequence[Issued]:
        """:meth:`issue` for many keys in few round trips; every value is checked before the first is made.

        ``predecessor`` is the key that these replace, for :meth:`keystore.rotating.Rotating.rotate`.
        """
        for spec in specs:
            spec.check()
        peppers, now_ms = self._need_peppers(), self._now_ms()
        drafts = [_drafted(spec, peppers, now_ms, predecessor) for spec in specs]
        records = [record for record, _ in drafts]
        self._create(records)
        self._plan(Book.NOTICE, list(expiry_items(records)))
        return [issued for _, issued in drafts]

    def import_external(self, key_id: str, tenant: str, owner: str) -> KeyStatus:
        """Register a key whose secret lives elsewhere. Doing it again answers its status.

        Raises ``Rejected(BAD_KEY_ID)``, and ``Refused(CONFLICT)`` if the id belongs to another.
        """
        return self.import_many([(key_id, tenant, owner)])[0]

    def import_many(self, drafts: Iterable[Draft]) -> Sequence[KeyStatus]:
        """:meth:`import_external` for many keys in few round trips. Ids before a conflict stay imported."""
        now_ms = self._now_ms()
        records = []
        for key_id, tenant, owner in drafts:
            check_key_id(key_id)
            check_text("tenant", tenant)
            check_text("owner", owner)
            records.append(KeyRecord(key_id=key_id, created_ms=now_ms, tenant=tenant, owner=owner))
        return [record.status(now_ms) for record in self._create(records)]


def _drafted(spec: KeySpec, peppers: Peppers, now_ms: int, predecessor: str) -> tuple[KeyRecord, Issued]:
    secret, rate = token.generate(spec.prefix), spec.rate
    record = KeyRecord(
        key_id=token.new_key_id(),
        created_ms=now_ms,
        tenant=spec.tenant,
        owner=spec.owner,
        name=spec.name,
        prefix=spec.prefix,
        hash=peppers.digest(secret),
        pepper_version=peppers.current,
        expires_ms=None if spec.expires_s is None else now_ms + spec.expires_s * 1000,
        scopes=tuple(spec.scopes),
        networks=normal_networks(spec.networks),
        rate_limit=rate.limit if rate else 0,
        rate_period_s=rate.period_s if rate else 0,
        rate_burst=rate.burst if rate else 0,
        predecessor=predecessor,
        cell=token.cell_of(secret),
    )
    return record, Issued(record.key_id, secret, record.expires_ms)
