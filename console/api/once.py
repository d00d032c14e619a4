"""``Idempotency-Key`` (draft-ietf-httpapi-idempotency-key-header-07): a POST sent again is done once.

The same key with the same body is answered what the first was answered, for a day; with another body 422;
while the first still runs 409. What was refused or could not be done is not kept: it may be tried again.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Any, Final

import msgspec
from fastapi import HTTPException, Request, Response

from console.access.person import Person
from domain.redis_errors import redis_errors

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEPT_MS: Final = 86_400_000
RUNS_MS: Final = 120_000
"""A first request that has not ended by then, died: the key may be used again."""
_KEY: Final = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')
_COPIED: Final = ("etag", "location", "content-type")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key. ``status`` 0: the first request, ``run``, is not over."""

    print: str
    run: str
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""


class Once:
    """Answers kept in Redis, under hashes of person, operation and key. Two round trips for a new key."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    def do(self, request: Request, person: Person, act: Callable[[], Response]) -> Response:
        """``act``, or the answer that it had before. Without the header just ``act``."""
        header = request.headers.get(HEADER)
        if header is None:
            return act()
        name, mine = _name(request, person, header), Kept(print=_print(request), run=secrets.token_hex(16))
        before = self._claim(name, mine)
        if before is not None:
            return _again(before, mine.print)
        try:
            made = act()
        except BaseException:
            self._forget(name)
            raise
        self._keep(name, mine, made)
        return made

    @redis_errors("idempotency keys")
    def _claim(self, name: str, mine: Kept) -> Kept | None:
        """None when the key is ours, also when the client sent the claim twice as a reply was lost."""
        raw = msgspec.msgpack.encode(mine)
        if self._redis.set(name, raw, nx=True, px=RUNS_MS):
            return None
        there: bytes | None = self._redis.get(name)
        found = msgspec.msgpack.decode(there, type=Kept) if there else mine
        return None if found.run == mine.run else found

    @redis_errors("idempotency keys")
    def _keep(self, name: str, mine: Kept, made: Response) -> None:
        headers = {header: made.headers[header] for header in _COPIED if header in made.headers}
        kept = msgspec.structs.replace(mine, status=made.status_code, headers=headers, body=bytes(made.body))
        self._redis.set(name, msgspec.msgpack.encode(kept), px=KEPT_MS)

    @redis_errors("idempotency keys")
    def _forget(self, name: str) -> None:
        self._redis.delete(name)


def _again(before: Kept, fingerprint: str) -> Response:
    if before.print != fingerprint:
        raise HTTPException(422, f"this {HEADER} was used with another body")
    if not before.status:
        raise HTTPException(409, f"the first request with this {HEADER} is not over: ask again soon")
    return Response(before.body, before.status, {**before.headers, REPLAYED: "true"})


def _name(request: Request, person: Person, header: str) -> str:
    key = _KEY.fullmatch(header)
    if key is None:
        raise HTTPException(400, f"{HEADER} is 1 to 255 visible ASCII characters, such as a UUID")
    # two doors may give one name to two people
    parts = (person.via, person.name, request.method, request.url.path, key[1])
    return f"kw:console:once:{hashlib.sha256(chr(0).join(parts).encode(errors='replace')).hexdigest()}"


def _print(request: Request) -> str:
    """Of what is asked: the query, the version that was seen, and the body."""
    asked = (request.url.query.encode(), request.headers.get("if-match", "").encode(), request.state.body)
    return hashlib.sha256(b"\0".join(asked)).hexdigest()
