"""Making keys: what one is to be, and its secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from keystore import token
from keystore.agenda import Book
from keystore.arguments import check_lifetime, check_text
from keystore.hashing import Peppers
from keystore.networks import normal_networks
from keystore.notices import expiry_items
from keystore.primitives import Primitives
from keystore.rate import RateLimit
from keystore.record import KeyRecord
from keystore.results import Issued
from keystore.scopes import check_scopes
from keystore.transitions import KEYWATCH

YEAR_S: Final = 365 * 86_400
"""A key nobody thinks of again ends by itself."""


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
    """New keys with new secrets."""

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

    def issue_many(self, specs: Sequence[KeySpec], by: str = "", predecessor: str = "") -> Sequence[Issued]:
        """:meth:`issue` for many keys in few round trips; every value is checked before the first is made.

        ``by`` goes into the history, "" is each key's owner. ``predecessor`` is the key that these
        replace, for :meth:`keystore.rotating.Rotating.rotate`.
        """
        check_text("by", by)
        for spec in specs:
            spec.check()
            self._rules.check_prefix(spec.prefix)
        peppers, now_ms = self._need_peppers(), self._now_ms()
        drafts = [
            _drafted(spec.prefix, peppers, record_of(spec, token.new_key_id(), now_ms, by), predecessor)
            for spec in specs
        ]
        records = [record for record, _ in drafts]
        self._create(records)
        self._plan(Book.NOTICE, list(expiry_items(records)))
        return [issued for _, issued in drafts]


def record_of(spec: KeySpec, key_id: str, now_ms: int, by: str) -> KeyRecord:
    """A new key, without its hash."""
    rate = spec.rate
    return KeyRecord(
        key_id=key_id,
        created_ms=now_ms,
        tenant=spec.tenant,
        owner=spec.owner,
        name=spec.name,
        prefix=spec.prefix,
        expires_ms=None if spec.expires_s is None else now_ms + spec.expires_s * 1000,
        scopes=tuple(spec.scopes),
        networks=normal_networks(spec.networks),
        rate_limit=rate.limit if rate else 0,
        rate_period_s=rate.period_s if rate else 0,
        rate_burst=rate.burst if rate else 0,
        made_by=by or spec.owner or KEYWATCH,
    )


def _drafted(prefix: str, peppers: Peppers, bare: KeyRecord, predecessor: str) -> tuple[KeyRecord, Issued]:
    secret = token.generate(prefix)
    record = replace(
        bare,
        hash=peppers.digest(secret),
        pepper_version=peppers.current,
        predecessor=predecessor,
        cell=token.cell_of(secret),
    )
    return record, Issued(record.key_id, secret, record.expires_ms)
