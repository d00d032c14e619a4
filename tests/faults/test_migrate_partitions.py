"""``keywatch migrate partitions``: every profile ends where its key goes, whatever broke it off."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from domain.profile import FLEET_DTYPE, SCHEMA_VERSION
from monitor.checkpoint.base import SCHEMA, Commit, CommitResult
from monitor.checkpoint.redis import RedisStateStore
from monitor.cli_migrate import app
from monitor.connect import connect_redis
from monitor.migration import hold
from monitor.placement import by_murmur2
from tests.faults.migration import KEYS, TOPIC, config, die_at, fill, profile, window
from tests.faults.stored import stored

RUNNER = CliRunner()
ASK = ("partitions", "--partitions", "5", "--partitioner", "murmur2")
MOVING = sum(by_murmur2(key_id, 5) != by_murmur2(key_id, 2) for key_id in KEYS)


class Killed(BaseException):
    """In place of SIGKILL where the test is the process."""


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "ROWS", 100)


def filled(url: str) -> RedisStateStore:
    store = RedisStateStore(connect_redis(url), TOPIC)
    store._redis.flushall()
    fill(store, 2)
    return store


def migrate(path: Path, *more: str) -> dict[str, Any]:
    done = RUNNER.invoke(app, [*ASK, *more, "-c", str(path), "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def everything(store: RedisStateStore) -> dict[str, Any]:
    return stored(store._redis, TOPIC, 5)


def profiles(store: RedisStateStore) -> dict[tuple[int, str], bytes]:
    return {(n, key_id): raw for n in range(5) for key_id, raw in store.profiles_named(n, "*")}


BELONGING = {(by_murmur2(key_id, 5), key_id): profile(n) for n, key_id in enumerate(KEYS)}


def test_a_dry_run_says_what_would_move_and_writes_nothing(any_redis: str, tmp_path: Path) -> None:
    store = filled(any_redis)
    before = everything(store)
    told = migrate(config(tmp_path / "k.yaml", any_redis))
    assert (told["profiles"], told["to_move"], told["applied"]) == (len(KEYS), MOVING, False)
    assert everything(store) == before
    assert store.counts() == {2: False}


def test_profiles_windows_and_fleets_go_where_the_keys_go(any_redis: str, tmp_path: Path) -> None:
    store = filled(any_redis)
    path = config(tmp_path / "k.yaml", any_redis)
    told = migrate(path, "--apply")
    assert (told["moved"], told["merged"], told["astray_after"]) == (MOVING, 0, 0)
    assert (told["profiles_after"], told["windows_left"]) == (len(KEYS), 0)
    assert profiles(store) == BELONGING
    windows = {(n, name) for n in range(5) for name in store.claim(n, b"reader").windows}
    assert windows == {(by_murmur2(key_id, 5), (1, key_id)) for key_id in KEYS[::10]}
    fleets = [np.frombuffer(raw, FLEET_DTYPE)[0] for raw in store.fleets().values()]
    assert sum(int(row["keys"]) for row in fleets) == pytest.approx(len(KEYS), abs=5)
    assert sum(float(row["log_rate_sum"]) for row in fleets) == pytest.approx(len(KEYS) / 4, abs=1e-4)
    assert [store.offset(n) for n in range(5)] == [100, 101, -1, -1, -1]
    assert store.counts() == {2: True, 5: False}
    assert store.note_partitions(5) == []
    again = migrate(path, "--apply")
    assert (again["to_move"], again["moved"]) == (0, 0)
    assert profiles(store) == BELONGING


@pytest.mark.redis
@pytest.mark.parametrize("after", [False, True])
def test_broken_off_at_any_commit_and_run_again_it_leaves_the_same(
    after: bool, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path / "k.yaml", redis_url)
    store = filled(redis_url)
    migrate(path, "--apply")
    undisturbed = everything(store)

    def killed() -> None:
        raise Killed

    commits = 0
    while True:
        commits += 1
        store = filled(redis_url)
        with monkeypatch.context() as patched:
            patched.setattr(RedisStateStore, "commit", die_at(commits, after=after, die=killed))
            try:
                finished = RUNNER.invoke(app, [*ASK, "--apply", "-c", str(path)]).exit_code == 0
            except Killed:
                finished = False
        if finished:
            break
        migrate(path, "--apply")
        assert everything(store) == undisturbed, commits
    assert commits > 20, "the kills must fall into the work"


def test_killed_again_and_again_it_gets_done(
    any_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path / "k.yaml", any_redis)
    store = filled(any_redis)

    def killed() -> None:
        raise Killed

    for at in (4, 13):
        with monkeypatch.context() as patched:
            patched.setattr(RedisStateStore, "commit", die_at(at, after=at % 2 == 0, die=killed))
            with pytest.raises(Killed):
                RUNNER.invoke(app, [*ASK, "--apply", "-c", str(path)])
    assert profiles(store) != BELONGING
    migrate(path, "--apply")
    assert profiles(store) == BELONGING


@pytest.mark.redis
def test_a_process_that_is_killed_leaves_what_the_next_one_ends(redis_url: str, tmp_path: Path) -> None:
    path = config(tmp_path / "k.yaml", redis_url)
    store = filled(redis_url)
    ask = json.dumps({"at": 13, "after": False, "rows": 100})
    command = [
        sys.executable,
        "-m",
        "tests.faults.migration",
        ask,
        "migrate",
        *ASK,
        "--apply",
        "-c",
        str(path),
    ]
    done = subprocess.run(command, check=False, capture_output=True, timeout=180)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert profiles(store) != BELONGING
    migrate(path, "--apply")
    assert profiles(store) == BELONGING


@pytest.fixture
def store(redis_url: str) -> RedisStateStore:
    return filled(redis_url)


def _elsewhere() -> tuple[int, str]:
    """A key that moves, by its number."""
    return next((n, k) for n, k in enumerate(KEYS) if by_murmur2(k, 5) != by_murmur2(k, 2) and n % 10 == 0)


@pytest.mark.redis
@pytest.mark.parametrize("learned_more", ["old", "new"])
def test_of_two_rows_the_one_that_learned_more_stays(
    learned_more: str, store: RedisStateStore, redis_url: str, tmp_path: Path
) -> None:
    number, key_id = _elsewhere()
    target = by_murmur2(key_id, 5)
    other = profile(number + 50 if learned_more == "new" else 0)
    store.claim(target, b"a")
    commit = Commit(b"a", b"b", 3, profiles={key_id: other}, windows={(1, key_id): window(99_000, 2)})
    assert store.commit(target, commit) is CommitResult.APPLIED
    told = migrate(config(tmp_path / "k.yaml", redis_url), "--apply")
    assert (told["merged"], told["profiles_after"]) == (1, len(KEYS))
    assert profiles(store)[target, key_id] == (other if learned_more == "new" else profile(number))
    assert told["windows_left"] == 1, "the two halves of a minute are scored apart"


@pytest.mark.redis
def test_a_consumer_that_commits_in_between_is_rewound_and_its_rows_win(
    store: RedisStateStore, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every commit of the move a daemon takes the partition and writes a key of its own."""
    commit = RedisStateStore.commit
    plain: list[int] = []

    def raced(self: RedisStateStore, partition: int, what: Commit) -> CommitResult:
        if len(plain) < 12:
            plain.append(partition)
            number = len(plain)
            self.claim(partition, b"daemon")
            row = profile(1_000 + number)
            theirs = Commit(b"daemon", b"d%d" % number, 7, profiles={f"new_{number}": row})
            assert commit(self, partition, theirs) is CommitResult.APPLIED
        return commit(self, partition, what)

    monkeypatch.setattr(RedisStateStore, "commit", raced)
    done = RUNNER.invoke(app, [*ASK, "--apply", "-c", str(config(tmp_path / "k.yaml", redis_url))])
    monkeypatch.undo()
    assert len(plain) == 12
    assert done.exit_code in (0, 1), done.output
    migrate(config(tmp_path / "k.yaml", redis_url), "--apply")
    ours = {where: raw for where, raw in profiles(store).items() if where[1].startswith("key_")}
    assert ours == BELONGING
    assert len(profiles(store)) == len(KEYS) + 12


@pytest.mark.redis
def test_nothing_stored_is_said(redis_url: str, tmp_path: Path) -> None:
    done = RUNNER.invoke(app, [*ASK, "-c", str(config(tmp_path / "k.yaml", redis_url))])
    assert (done.exit_code, "nothing is stored" in done.output) == (1, True)


@pytest.mark.redis
def test_fewer_partitions_than_were_read_are_refused(
    store: RedisStateStore, redis_url: str, tmp_path: Path
) -> None:
    migrate(config(tmp_path / "k.yaml", redis_url), "--apply")
    fewer = ["partitions", "--partitions", "4", "--partitioner", "murmur2", "--apply"]
    done = RUNNER.invoke(app, [*fewer, "-c", str(tmp_path / "k.yaml")])
    assert (done.exit_code, "never gets fewer" in done.output) == (1, True)
    assert profiles(store) == BELONGING


@pytest.mark.redis
def test_a_dry_run_of_a_rollback_writes_nothing(
    store: RedisStateStore, redis_url: str, tmp_path: Path
) -> None:
    before = everything(store)
    path = config(tmp_path / "k.yaml", redis_url)
    done = RUNNER.invoke(app, ["schema", "--to", "1", "-c", str(path)])
    assert (done.exit_code, "nothing was written" in done.output) == (0, True)
    done = RUNNER.invoke(app, ["schema", "--to", str(SCHEMA_VERSION), "--apply", "-c", str(path)])
    assert (done.exit_code, "the way up needs no command" in done.output) == (1, True)
    assert everything(store) == before


@pytest.mark.redis
@pytest.mark.parametrize("after", [False, True])
def test_a_rollback_broken_off_at_any_commit_is_refused_by_the_older_release_until_it_is_done(
    after: bool, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim of an older release looks at the schema that was stored."""
    path = config(tmp_path / "k.yaml", redis_url)
    ask = ["schema", "--to", "1", "--apply", "-c", str(path)]
    store = filled(redis_url)
    assert RUNNER.invoke(app, ask).exit_code == 0
    undisturbed, commits = everything(store), 0

    def killed() -> None:
        raise Killed

    while True:
        commits += 1
        store = filled(redis_url)
        with monkeypatch.context() as patched:
            patched.setattr(RedisStateStore, "commit", die_at(commits, after=after, die=killed))
            try:
                finished = RUNNER.invoke(app, ask).exit_code == 0
            except Killed:
                finished = False
        if finished:
            break
        schema = {n: store._redis.hget(store.key(n, "meta"), SCHEMA) for n in range(2)}
        for number, told in schema.items():
            rows = {int.from_bytes(raw[:2], "little") for _, raw in store.profiles_named(number, "*")}
            assert told == b"%d" % SCHEMA_VERSION or rows == {1}
        assert RUNNER.invoke(app, ask).exit_code == 0
        assert everything(store) == undisturbed, commits
    assert commits > 4
