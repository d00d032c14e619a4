"""After everything that can be done with secrets: none is in Redis, in logs, histories, answers or errors."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from domain.clock import ManualClock
from domain.errors import KeywatchError
from domain.secret import Secret
from keystore.hashing import Peppers
from keystore.issuing import KeySpec
from keystore.notices import MemoryOwnerNotice
from keystore.rate import RateLimit
from keystore.redis_store import RedisKeyStore
from keystore.request import Request
from keystore.rules import StoreRules
from keystore.token import generate
from monitor.logs import Log
from tests.redis_dump import everything
from tests.servers import connect

SERVERS = [
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("cluster", marks=pytest.mark.cluster),
]
IMPORTED = Secret("tulip-orchard-7731-under-the-bridge")
READ, ADMIN = (Request("GET", path, "198.18.3.7") for path in ("/v1/items/42", "/admin"))
PIECE = 8


class Life:
    """Does what can be done, and keeps all that was said of it."""

    def __init__(self, store: RedisKeyStore, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.secrets: list[Secret] = []
        self.said: list[object] = []
        self.logged = io.StringIO()
        self.log = Log(clock, "debug", self.logged)

    def attempt(self, act: Callable[[], object]) -> None:
        try:
            answer = act()
            self.said += [answer, str(answer)]
            self.log.info("done", answer=answer)
        except KeywatchError as error:
            self.said += [error, str(error), repr(error), error.__cause__, error.__context__]
            self.log.error("failed", error=str(error))

    def issue(self) -> str:
        issued = self.store.issue("acme", "ops", "ci", scopes=["GET:/v1/**"], rate=RateLimit(5, 60, 5))
        self.secrets.append(issued.secret)
        self.said += [issued]
        return issued.key_id

    def rotate(self, key_id: str, grace_s: int) -> str:
        issued = self.store.rotate(key_id, "ada", f"found {self.secrets[-1].reveal()} in a log", grace_s)
        self.secrets.append(issued.secret)
        self.said += [issued]
        return issued.key_id

    def verify_all(self) -> None:
        strangers = [generate(), Secret(self.secrets[0].reveal()[:-1] + "x"), Secret("x" * 40)]
        self.secrets += strangers[:1]
        for secret in (*self.secrets, *strangers, IMPORTED):
            for request in (READ, ADMIN):
                self.attempt(lambda s=secret, r=request: self.store.verify(s, r))  # type: ignore[misc]

    def live(self) -> None:
        store, first = self.store, self.issue()
        self.attempt(
            lambda: store.import_secret("gw-1", IMPORTED, KeySpec("acme", "ops", scopes=["GET:/v1/**"]))
        )
        self.attempt(lambda: store.import_secret("gw-2", IMPORTED, KeySpec("acme", "ops")))
        self.verify_all()
        assert store.peppers is not None
        store.use_peppers(store.peppers.added().using(2))
        self.verify_all()
        self.paste_secrets(first)
        second = self.rotate(first, 60)
        self.attempt(lambda: store.rotate(first, "ada"))
        store.suspend(second, case_id="case-1", reason=self.secrets[0].reveal(), expires_ms=None)
        self.verify_all()
        self.rotate(second, 0)
        self.clock.advance(60)
        self.attempt(store.retire_due)
        self.attempt(lambda: store.tell_owners(MemoryOwnerNotice()))
        self.verify_all()

    def paste_secrets(self, key_id: str) -> None:
        """A person puts a secret where an id or a reason belongs."""
        store, text = self.store, self.secrets[0].reveal()
        self.attempt(lambda: store.describe(text))
        self.attempt(lambda: store.suspend(text, case_id="c", reason="spike", expires_ms=None))
        self.attempt(lambda: store.rotate(text, "ada"))
        self.attempt(lambda: store.import_external(text, "acme", "ops"))
        self.attempt(lambda: store.import_secret("gw-3", Secret(text), KeySpec("acme", "ops")))
        self.attempt(lambda: store.issue("acme", "ops", text))
        self.attempt(lambda: store.suspend_manually(key_id, text, "leaked"))
        self.attempt(lambda: store.suspend_manually(key_id, "ada", f"{text} is in a paste"))
        self.attempt(lambda: store.reinstate_manually(key_id, "ada", f"not {text}"))


def pieces(secret: Secret) -> list[str]:
    body = secret.reveal()
    body = body[8:] if body.startswith("sk_live_") else body
    return [body[start : start + PIECE] for start in range(len(body) - PIECE + 1)]


@pytest.mark.parametrize("kind", SERVERS)
def test_no_piece_of_a_secret_is_anywhere(empty_store: Callable[[str], str], kind: str) -> None:
    clock, peppers = ManualClock(1_767_225_600), Peppers.generate()
    with connect(empty_store(kind)) as client:
        everywhere = {"target_nodes": "primaries"} if kind == "cluster" else {}
        client.config_set("slowlog-max-len", 10_000, **everywhere)
        client.config_set("slowlog-log-slower-than", 0, **everywhere)  # the commands themselves, too
        store = RedisKeyStore(client, clock, peppers, rules=StoreRules(imported=True))
        life = Life(store, clock)
        life.live()
        keys = list(store.every_key())
        history = [store.history(key.status.key_id, 1000) for key in keys]
        stored = everything(client)
        client.config_set("slowlog-log-slower-than", 10_000, **everywhere)
    told = repr([life.said, keys, history, vars(store), life.logged.getvalue()]).encode()
    for place, text in (("Redis", stored), ("told", told)):
        leaked = [piece for s in (*life.secrets, IMPORTED) for piece in pieces(s) if piece.encode() in text]
        assert leaked == [], place
        for pepper in store.peppers.by_version.values() if store.peppers else ():
            assert pepper.reveal().encode() not in text
    assert peppers.digest(life.secrets[-1]).encode() not in told
    assert b"EVALSHA" in stored  # so the search does see commands
    assert b"key_id" in stored  # and values
    assert len(keys) == 4
    assert {entry.verb for entries in history for entry in entries} >= {"rotate", "rehash", "retire", "issue"}
