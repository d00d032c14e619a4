"""The key store on a Redis that loses replies, is full, damaged, closed or gone."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
import redis

from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Reason, Transient
from domain.ports import KeyState
from keystore.hashing import Peppers
from keystore.notices import MemoryOwnerNotice
from keystore.rate import RateLimit
from keystore.redis_keys import tag
from keystore.redis_store import RedisKeyStore
from keystore.refusal import Refusal
from keystore.request import Request
from keystore.results import Issued, NotAccepted
from keystore.token import cell_of, generate
from keystore.usage import day_of
from monitor.connect import connect_redis
from monitor.embedded import free_port
from tests.servers import server, without_retries

NOW_MS = 1_767_225_600_000
ANY = ("*:/**",)
READ = Request("GET", "/v1/items/42", "198.18.3.7")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("valkey", marks=pytest.mark.embedded),
    ],
)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this module's own, as some tests spoil it for others."""
    with server(request.param, tmp_path_factory.mktemp(request.param)) as address:
        yield address


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        client.flushall()
        yield client


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_MS / 1000)


@pytest.fixture
def peppers() -> Peppers:
    return Peppers.generate()


@pytest.fixture
def store(client: redis.Redis, clock: ManualClock, peppers: Peppers) -> RedisKeyStore:
    return RedisKeyStore(client, clock, peppers)


def failed(act: Callable[[], object]) -> tuple[type[KeywatchError], Reason]:
    with pytest.raises(KeywatchError) as caught:
        act()
    return type(caught.value), caught.value.reason


def refused(store: RedisKeyStore, issued: Issued) -> Refusal | None:
    answer = store.verify(issued.secret, READ)
    return answer.refusal if isinstance(answer, NotAccepted) else None


def record_name(client: redis.Redis) -> str:
    """The only record of the store."""
    (name,) = (n.decode() for n in client.scan_iter("kw:key:*", _type="hash") if not n.endswith(b":use"))
    return name


def test_a_planted_index_entry_does_not_open_another_key(
    store: RedisKeyStore, client: redis.Redis, peppers: Peppers
) -> None:
    victim, thief = (store.issue(who, "ops", "ci", scopes=ANY) for who in ("acme", "evil"))
    home, digest = cell_of(victim.secret), peppers.digest(thief.secret)
    record = f"kw:key:{{{cell_of(thief.secret)}}}:{tag(victim.key_id)}"
    client.copy(f"kw:key:{{{home}}}:{tag(victim.key_id)}", record)
    client.hset(f"kw:hashes:{{{cell_of(thief.secret)}}}", digest, tag(victim.key_id))
    assert refused(store, thief) is Refusal.UNKNOWN_KEY


# -- round trips -------------------------------------------------------------------------------------


class Counts(redis.Connection):
    """Counts the answers that were waited for."""

    answers: ClassVar[int] = 0

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        Counts.answers += 1
        return super().read_response(*args, **kwargs)


def test_a_verification_is_one_round_trip(
    store: RedisKeyStore, url: str, clock: ManualClock, peppers: Peppers
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ANY, rate=RateLimit.parse("100/m"))
    with connect_redis(url) as client:
        assert isinstance(client, redis.Redis)
        client.connection_pool.connection_class = Counts
        counted = RedisKeyStore(client, clock, peppers)
        assert refused(counted, issued) is None
        Counts.answers = 0
        assert refused(counted, issued) is None
        assert Counts.answers == 1


# -- keys made before there were cells ---------------------------------------------------------------

OLD_RECORD: dict[Any, Any] = {
    "key_id": "key_7HqYw2mB4cXe9ZtA",
    "created_ms": "1767225600000",
    "state": "active",
    "tenant": "acme",
    "owner": "ops@acme.example",
    "name": "ci",
    "prefix": "sk_live",
    "pepper_version": "1",
    "expires_ms": "1798761600000",
    "scopes": "read *:/v1/**",
    "prior_state": "active",
    "case_id": "",
    "released_case": "",
    "reason": "",
    "suspended_by": "",
    "suspension_expires_ms": "",
}
"""As the first version wrote it, with a word among the scopes."""


def test_a_key_of_the_first_layout_still_loads_verifies_and_is_stopped(
    store: RedisKeyStore, client: redis.Redis, peppers: Peppers
) -> None:
    secret, key_id = generate(), OLD_RECORD["key_id"]
    digest = peppers.digest(secret)
    name = f"kw:key:{{{tag(key_id)}}}"
    client.hset(name, mapping=OLD_RECORD | {"hash": digest})
    entry: dict[Any, Any] = dict.fromkeys(("verb", "before", "after", "case_id", "by", "reason"), "")
    client.xadd(f"{name}:history", entry | {"at_ms": 1})
    client.zadd(f"kw:keys:{{{tag(key_id)[0]}}}", {f"1767225600000:{key_id}": 0})
    client.set(f"kw:keyhash:{digest}", key_id)
    issued = Issued(key_id, secret, None)
    assert refused(store, issued) is None
    (listed,) = store.list().keys
    assert (listed.status.key_id, listed.name, listed.rate, listed.successor) == (key_id, "ci", None, "")
    assert store.usage([key_id])[0].days == {day_of(NOW_MS): 1}
    store.suspend(key_id, case_id="c", reason="spike", expires_ms=None)
    assert refused(store, issued) is Refusal.SUSPENDED
    assert store.reinstate(key_id, case_id="c").state is KeyState.ACTIVE
    assert store.revoke(key_id, "ada", "leaked").state is KeyState.REVOKED


# -- lost replies ------------------------------------------------------------------------------------


class LosesReply(redis.Connection):
    """Does what it was asked, then breaks before the answer is read: once, at the nth reply."""

    replies_left: ClassVar[int] = -1

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().read_response(*args, **kwargs)
        LosesReply.replies_left -= 1
        if LosesReply.replies_left == 0:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.exceptions.ConnectionError("the reply was lost")
        return answer


@pytest.mark.parametrize("lost", range(1, 7))
def test_an_act_whose_reply_was_lost_is_done_once_and_answers_the_same(
    store: RedisKeyStore, client: redis.Redis, url: str, clock: ManualClock, lost: int
) -> None:
    store.import_external("k", "acme", "ops")
    with connect_redis(url) as forgetful:
        assert isinstance(forgetful, redis.Redis)
        forgetful.connection_pool.connection_class = LosesReply
        forgetful.ping()
        retried = RedisKeyStore(forgetful, clock, None)
        acts: list[Callable[[RedisKeyStore], object]] = [
            lambda s: s.import_external("new", "acme", "ops"),
            lambda s: s.suspend("k", case_id="c", reason="spike", expires_ms=NOW_MS),
            lambda s: s.reinstate("k", case_id="c"),
            lambda s: s.suspend("k", case_id="d", reason="spike", expires_ms=NOW_MS),
            lambda s: s.expire_suspension("k", "d"),
            lambda s: s.suspend_manually("k", "ada", "confirmed"),
            lambda s: s.reinstate_manually("k", "ada", "rotated"),
            lambda s: s.revoke("k", "ada", "leaked"),
        ]
        for act in acts:
            LosesReply.replies_left = lost
            answer = act(retried)
            LosesReply.replies_left = -1
            assert answer == act(store)
    verbs = [entry.verb for entry in store.history("k")][::-1]
    people = ["suspend_manually", "reinstate_manually", "revoke"]
    assert verbs == ["import", "suspend", "reinstate", "suspend", "expire", *people]
    assert [entry.verb for entry in store.history("new")] == ["import"]
    assert len(store.list().keys) == 2


@pytest.mark.parametrize("grace_s", [0, 60])
@pytest.mark.parametrize("lost", range(1, 10))
def test_a_rotation_whose_reply_was_lost_is_done_once(
    store: RedisKeyStore, url: str, clock: ManualClock, peppers: Peppers, lost: int, grace_s: int
) -> None:
    old = store.issue("acme", "ops", "ci", scopes=ANY)
    with connect_redis(url) as forgetful:
        assert isinstance(forgetful, redis.Redis)
        forgetful.connection_pool.connection_class = LosesReply
        forgetful.ping()
        LosesReply.replies_left = lost
        new = RedisKeyStore(forgetful, clock, peppers).rotate(old.key_id, "ada", grace_s=grace_s)
        LosesReply.replies_left = -1
    assert store.details(old.key_id).successor == new.key_id
    assert [entry.verb for entry in store.history(old.key_id)] == ["rotate", "issue"]
    assert len(store.list().keys) == 2
    assert refused(store, new) is None
    assert len(store.tell_owners(MemoryOwnerNotice())) == 1


# -- a full server -----------------------------------------------------------------------------------


@pytest.fixture
def fill(client: redis.Redis) -> Iterator[Callable[[], object]]:
    """Makes the server refuse writes for want of memory."""
    client.config_set("maxmemory-policy", "noeviction")
    yield lambda: client.config_set("maxmemory", 1)
    client.config_set("maxmemory", 0)


def test_keys_can_be_stopped_and_released_when_redis_is_full(
    store: RedisKeyStore, client: redis.Redis, clock: ManualClock, fill: Callable[[], object]
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ANY)
    fill()
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("anything", "x")
    end = NOW_MS + 1000
    assert (
        store.suspend(issued.key_id, case_id="c", reason="spike", expires_ms=end).state is KeyState.SUSPENDED
    )
    assert refused(store, issued) is Refusal.SUSPENDED
    clock.advance(1)
    for due in store.due_expiries(end):
        assert store.expire_suspension(due.key_id, due.case_id).state is KeyState.ACTIVE
    assert store.suspend_manually(issued.key_id, "ada", "").state is KeyState.SUSPENDED
    assert store.reinstate_manually(issued.key_id, "ada", "").state is KeyState.ACTIVE
    assert store.revoke(issued.key_id, "ada", "leaked").state is KeyState.REVOKED


def test_issuing_on_a_full_server_is_to_be_tried_again(
    store: RedisKeyStore, fill: Callable[[], object]
) -> None:
    fill()
    with pytest.raises(Transient, match="raise maxmemory") as caught:
        store.issue("acme", "ops", "ci", scopes=ANY)
    assert caught.value.reason is Reason.SERVER_ERROR


# -- damage and absence ------------------------------------------------------------------------------


def test_a_history_that_cannot_be_written_stops_the_change(store: RedisKeyStore, client: redis.Redis) -> None:
    store.import_external("k", "acme", "ops")
    history = f"{record_name(client)}:history"
    client.delete(history)
    client.set(history, "spoiled")
    assert failed(lambda: store.revoke("k", "ada", "leaked")) == (Fatal, Reason.CORRUPT)
    assert store.describe("k").state is KeyState.ACTIVE


@pytest.mark.parametrize("field", ["state", "released_case", "prior_state"])
def test_a_record_that_lacks_a_field_is_not_changed(
    store: RedisKeyStore, client: redis.Redis, field: str
) -> None:
    store.import_external("k", "acme", "ops")
    client.hdel(record_name(client), field)
    assert failed(lambda: store.revoke("k", "ada", "leaked")) == (Fatal, Reason.CORRUPT)
    assert client.xlen(f"{record_name(client)}:history") == 0


@pytest.mark.parametrize("field", ["state", "created_ms"])
def test_a_request_with_a_damaged_record_is_not_let_in(
    store: RedisKeyStore, client: redis.Redis, field: str
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ANY)
    client.hdel(record_name(client), field)
    assert failed(lambda: store.verify(issued.secret, READ)) == (Fatal, Reason.CORRUPT)


def test_a_name_taken_by_something_else_is_reported(store: RedisKeyStore, client: redis.Redis) -> None:
    store.import_external("k", "acme", "ops")
    name = record_name(client)
    client.delete(name)
    client.set(name, "x")
    assert failed(lambda: store.describe("k")) == (Fatal, Reason.CORRUPT)


def test_a_retiring_key_is_accepted_and_returns_to_retiring(
    store: RedisKeyStore, client: redis.Redis
) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=ANY)
    client.hset(record_name(client), "state", KeyState.RETIRING)
    assert refused(store, issued) is None
    store.suspend(issued.key_id, case_id="c", reason="spike", expires_ms=None)
    store.suspend_manually(issued.key_id, "ada", "confirmed")
    assert store.reinstate_manually(issued.key_id, "ada", "").state is KeyState.RETIRING


def test_a_key_s_history_is_bounded(store: RedisKeyStore, client: redis.Redis) -> None:
    store.import_external("k", "acme", "ops")
    name = f"{record_name(client)}:history"
    pipe = client.pipeline()
    for _ in range(3000):
        pipe.xadd(name, {"at_ms": "0"})
    pipe.execute()
    store.revoke("k", "ada", "leaked")
    assert 1000 <= client.xlen(name) < 1200


def test_an_unreachable_redis_is_transient(clock: ManualClock) -> None:
    with without_retries(f"redis://127.0.0.1:{free_port()}") as client:
        assert failed(lambda: RedisKeyStore(client, clock, None).describe("k")) == (
            Transient,
            Reason.UNREACHABLE,
        )


def test_a_silent_redis_times_out(clock: ManualClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        with without_retries(address, timeout_s=0.05) as client:
            assert failed(lambda: RedisKeyStore(client, clock, None).describe("k")) == (
                Transient,
                Reason.TIMEOUT,
            )


def test_wrong_credentials_and_missing_rights_are_fatal(
    client: redis.Redis, url: str, clock: ManualClock
) -> None:
    client.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], commands=["+ping", "+hello"])
    try:
        for password in ("wrong", "pw"):
            address = url.replace("redis://", f"redis://reader:{password}@")
            with without_retries(address) as other:
                store = RedisKeyStore(other, clock, None)
                assert failed(lambda s=store: s.describe("k")) == (Fatal, Reason.CREDENTIALS)  # type: ignore[misc]
    finally:
        client.acl_deluser("reader")


def test_a_client_that_decodes_and_a_namespace_with_braces_are_refused(url: str, clock: ManualClock) -> None:
    with redis.Redis.from_url(url, decode_responses=True) as decoding, redis.Redis.from_url(url) as plain:
        for client, namespace in ((decoding, "kw"), (plain, "kw{1}"), (plain, "")):
            with pytest.raises(Fatal) as caught:
                RedisKeyStore(client, clock, None, namespace)
            assert caught.value.reason is Reason.CONFIG


def test_stores_of_two_namespaces_share_nothing(
    client: redis.Redis, clock: ManualClock, peppers: Peppers
) -> None:
    left, right = (RedisKeyStore(client, clock, peppers, f"n{uuid.uuid4().hex}") for _ in range(2))
    issued = left.issue("acme", "ops", "ci", scopes=ANY)
    assert right.list().keys == ()
    assert refused(right, issued) is Refusal.UNKNOWN_KEY
