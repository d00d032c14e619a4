"""The audit log as mathematics: each entry's hash covers the entry and the hash before it.

``hash = SHA-256(previous hash, canonical bytes)``, so that an entry edited, left out or moved breaks
every hash after it. Cutting entries off the end breaks none: that shows only beside an :class:`Anchor`
kept elsewhere. Who can write to Redis can also compute hashes; with a key, each entry has an
HMAC-SHA-256 over its hash that such a person cannot make.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from domain.desk import AuditEntry
from domain.errors import Fatal, Reason, Rejected
from domain.secret import Secret

GENESIS: Final = "0" * 64
"""What stands before the first entry."""
_FIELDS: Final = ("seq", "ts_ms", "who", "what", "key_id", "case_id", "why")
_ANCHOR: Final = re.compile(r"(\d{1,15}):([0-9a-f]{64})")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is said in an entry; its canonical bytes are this as JSON with sorted names. ``nonce`` keeps two
    writers who say the same at the same moment apart.
    """

    seq: int
    ts_ms: int
    who: str
    what: str
    key_id: str
    case_id: str
    why: str
    nonce: str = ""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it lies in the log. ``place`` is its number by position, ``mac`` empty without a key."""

    place: int
    line: bytes
    hash: str
    mac: str = ""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """How long the log was and how it ended at some moment; kept outside, it shows what was cut off."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


EMPTY: Final = Anchor(seq=0, hash=GENESIS)
_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(Line).decode


def parse_anchor(text: str) -> Anchor:
    """Inverse of ``str(anchor)``. Raises ``Rejected``."""
    found = _ANCHOR.fullmatch(text.strip())
    if not found:
        raise Rejected(Reason.WRONG_TYPE, "an anchor is `number:hash`, as `keywatch audit verify` prints it")
    return Anchor(seq=int(found[1]), hash=found[2])


def sealed(line: Line, previous: str, key: Secret) -> Stored:
    """The entry with its hash, and with its MAC if there is a key."""
    raw = _encode(line)
    digest = hashlib.sha256(previous.encode() + raw).hexdigest()
    return Stored(place=line.seq, line=raw, hash=digest, mac=_mac(digest, key))


def opened(stored: Stored) -> AuditEntry:
    """An entry to show. Raises ``Fatal(CORRUPT)`` for one that is not ours."""
    try:
        line = _decode(stored.line)
    except msgspec.DecodeError as error:
        raise Fatal(Reason.CORRUPT, f"audit entry {stored.place} cannot be read: {error}") from error
    return AuditEntry(**{name: getattr(line, name) for name in _FIELDS}, hash=stored.hash)


def verify(log: Iterable[Stored], head: Anchor, anchor: Anchor | None, key: Secret) -> Anchor:
    """The end of a log that is whole. ``head`` is where the log itself says it ends.

    Raises ``Fatal(CORRUPT)`` that names the first entry that is not as it was written.
    """
    last = EMPTY
    for stored in log:
        last = _follows(stored, last, key)
        if anchor and anchor.seq == last.seq and anchor.hash != last.hash:
            raise _broken(last.seq, "is not the one the anchor was taken at: the log was written anew")
    if anchor and anchor.seq > last.seq:
        raise _broken(last.seq + 1, f"is missing: the anchor saw {anchor.seq} entries")
    if head != last:
        raise _broken(last.seq + 1, f"is missing: the log says that it ends at entry {head.seq}")
    return last


def _follows(stored: Stored, last: Anchor, key: Secret) -> Anchor:
    seq = last.seq + 1
    if stored.place != seq:
        raise _broken(seq, "is missing: entries were deleted or moved")
    if hashlib.sha256(last.hash.encode() + stored.line).hexdigest() != stored.hash:
        raise _broken(seq, "was edited or moved: its hash does not fit")
    if opened(stored).seq != seq:
        raise _broken(seq, "was moved: it says that it is another")
    if key and not hmac.compare_digest(stored.mac, _mac(stored.hash, key)):
        raise _broken(seq, "was not written with this key: check audit_log.hmac_key_file")
    return Anchor(seq=seq, hash=stored.hash)


def _mac(digest: str, key: Secret) -> str:
    if not key:
        return ""
    return hmac.new(key.reveal().encode(), digest.encode(), hashlib.sha256).hexdigest()


def _broken(seq: int, how: str) -> Fatal:
    return Fatal(Reason.CORRUPT, f"audit log: entry {seq} {how}")
