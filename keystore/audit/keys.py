"""The keys of a store as the audit wants them, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from domain.errors import Rejected
from domain.ports import KeyState
from keystore.audit.controls import Moment
from keystore.audit.facts import KeyFacts
from keystore.record import KeyDetails
from keystore.results import KeyPage, Usage
from keystore.scopes import parse_scope
from keystore.usage import day_of

PAGE: Final = 500
"""Keys read at once: some 500 kB, whatever the number of keys."""


class AuditedStore(Protocol):
    """The part of a key store that is audited."""

    def count(self) -> int:
        """How many keys there are."""

    def list(self, state: KeyState | None = None, cursor: str = "", limit: int = 100) -> KeyPage:
        """Keys, newest first, from where ``cursor`` left off; no more with an empty cursor."""

    def usage(self, key_ids: Sequence[str]) -> Sequence[Usage]:
        """When and how often each was used, in the order asked."""


def fact_pages(store: AuditedStore, moment: Moment, current_pepper: int) -> Iterator[list[KeyFacts]]:
    """All keys. A key made while this runs may be missed; none comes twice."""
    cursor, more = "", True
    while more:
        page = store.list(None, cursor, PAGE)
        uses = store.usage([key.status.key_id for key in page.keys])
        yield [_facts(key, use, moment, current_pepper) for key, use in zip(page.keys, uses, strict=True)]
        cursor, more = page.cursor, bool(page.cursor)


def _facts(key: KeyDetails, use: Usage, moment: Moment, current_pepper: int) -> KeyFacts:
    status = key.status
    return KeyFacts(
        key_id=status.key_id,
        state=status.state,
        created_ms=key.created_ms,
        tenant=status.tenant,
        owner=status.owner,
        ours=key.pepper_version > 0,
        expires_ms=key.key_expires_ms,
        wildcard=next(filter(_opens_all, key.scopes), ""),
        old_pepper=current_pepper > 0 and 0 < key.pepper_version != current_pepper,
        weak=key.weak,
        case_id=status.case_id,
        used_ms=use.last_used_ms,
        verifications=use.days.get(day_of(moment.now_ms) - 1, 0),
    )


def _opens_all(scope: str) -> bool:
    try:
        return parse_scope(scope).wildcard
    except Rejected:  # a word from before scopes had a form: it opens nothing
        return False
