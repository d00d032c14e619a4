"""``keywatch keys store-check`` and people's own acts on a vendor's keys, from the settings file on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis
import yaml
from typer.testing import CliRunner

from alerting.audit import RedisAudit
from domain.clock import ManualClock
from monitor.cli import app
from monitor.config_keystore import section_of
from tests.vendors.bench import VARIANTS
from tests.vendors.server import Call, Reply, Request, VendorServer, serving
from tests.vendors.unkey import UnkeyServer
from tests.vendors.vault import VaultServer

RUNNER = CliRunner()
pytestmark = pytest.mark.redis


@pytest.fixture
def unkey() -> Iterator[VendorServer]:
    with serving(UnkeyServer()) as running:
        yield running


def config(vendor: VendorServer, tmp_path: Path, redis_url: str) -> str:
    keystore = {"kind": vendor.kind, section_of(vendor.kind): vendor.settings(tmp_path)}
    path = tmp_path / "keywatch.yaml"
    path.write_text(yaml.safe_dump({"redis": {"url": redis_url}, "keystore": keystore}))
    return str(path)


def run(*command: str) -> tuple[int, str]:
    done = RUNNER.invoke(app, list(command))
    return done.exit_code, done.output


def test_store_check_tells_what_the_store_can_do_and_how_a_key_stands(
    unkey: VendorServer, tmp_path: Path, redis_url: str
) -> None:
    path, key_id = config(unkey, tmp_path, redis_url), unkey.new_key()
    code, out = run("keys", "store-check", "--key", key_id, "-c", path)
    assert code == 0
    for told in ("unkey", "any time", "one key", "within 30 s", f"{key_id} is active"):
        assert told in out
    assert unkey.writes() == 0


def test_a_dry_check_asks_nobody(unkey: VendorServer, tmp_path: Path) -> None:
    path = config(unkey, tmp_path, "redis://127.0.0.1:1")
    code, out = run("keys", "store-check", "--key", "key_1", "--dry", "--json", "-c", path)
    assert code == 0
    assert json.loads(out)["capabilities"]["propagation_s"] == 30.0
    assert unkey.requests == []


def test_an_exercise_suspends_and_reinstates(unkey: VendorServer, tmp_path: Path, redis_url: str) -> None:
    path, key_id = config(unkey, tmp_path, redis_url), unkey.new_key()
    check = ("keys", "store-check", "--key", key_id, "--exercise", "--by", "ada", "-c", path)
    assert run(*check)[0] == 1  # nobody said yes
    assert unkey.writes() == 0
    for _ in range(2):
        code, out = run(*check, "--yes")
        assert code == 0
        assert "suspended (seen as suspended), then reinstated (now active)" in out
    assert unkey.writes() == 4
    assert not unkey.stopped(key_id)


@pytest.mark.parametrize("exercise", [True, False])
def test_a_credential_that_is_refused_is_named(
    unkey: VendorServer, tmp_path: Path, redis_url: str, exercise: bool
) -> None:
    path, key_id = config(unkey, tmp_path, redis_url), unkey.new_key()
    (tmp_path / "secret").write_text("wrong-s3cret")
    options = ["--exercise", "--yes"] if exercise else []
    code, out = run("keys", "store-check", "--key", key_id, "-c", path, *options)
    assert code == 4
    assert "keystore.unkey" in out
    assert "s3cret" not in out


def test_an_exercise_that_cannot_reinstate_says_that_the_key_is_still_suspended(
    unkey: VendorServer, tmp_path: Path, redis_url: str
) -> None:
    path, key_id = config(unkey, tmp_path, redis_url), unkey.new_key()
    answer = unkey.answer

    def without_the_right(call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        if call.write and request.body["enabled"]:
            return Reply(403, unkey.error(403, "Missing permission"))
        return answer(call, parameters, request)

    unkey.answer = without_the_right  # type: ignore[method-assign]
    code, out = run("keys", "store-check", "--key", key_id, "--exercise", "--yes", "-c", path)
    assert (code, "is still suspended" in out) == (4, True)
    assert unkey.stopped(key_id)


def test_help_shows_an_example() -> None:
    assert "Example: keywatch keys store-check" in run("keys", "store-check", "--help")[1]


def test_an_unknown_key_is_refused(unkey: VendorServer, tmp_path: Path, redis_url: str) -> None:
    code, out = run("keys", "store-check", "--key", "key_0", "-c", config(unkey, tmp_path, redis_url))
    assert (code, "no such key" in out) == (1, True)


def test_a_store_that_cannot_undo_says_so_and_is_not_exercised(tmp_path: Path, redis_url: str) -> None:
    with serving(VaultServer()) as vault:
        path, accessor = config(vault, tmp_path, redis_url), vault.new_key()
        code, out = run("keys", "store-check", "--key", accessor, "-c", path)
        assert code == 0
        assert "never suspends here by itself" in out
        assert run("keys", "store-check", "--key", accessor, "--exercise", "--yes", "-c", path)[0] == 1
        assert vault.writes() == 0


def test_people_suspend_and_reinstate_at_the_vendor_and_the_audit_knows(
    unkey: VendorServer, tmp_path: Path, redis_url: str
) -> None:
    path, key_id = config(unkey, tmp_path, redis_url), unkey.new_key()
    suspend = ("keys", "suspend", key_id, "--reason", "seen in a repository", "--by", "ada", "-c", path)
    assert run(*suspend) == (0, f"{key_id} is suspended\n")
    assert unkey.stopped(key_id)
    assert run("keys", "reinstate", key_id, "--by", "bob", "-c", path) == (0, f"{key_id} is active\n")
    with redis.Redis.from_url(redis_url) as client:
        entries = RedisAudit(client, ManualClock()).page()
    lines = [(entry.who, entry.what, entry.key_id) for entry in reversed(entries)]
    assert lines == [("ada", "suspend", key_id), ("bob", "reinstate", key_id)]


@pytest.mark.parametrize("command", [("list",), ("show", "k"), ("revoke", "k", "--reason", "r", "--yes")])
def test_what_only_our_own_store_can_do_is_refused_elsewhere(
    unkey: VendorServer, tmp_path: Path, redis_url: str, command: tuple[str, ...]
) -> None:
    code, out = run("keys", *command, "-c", config(unkey, tmp_path, redis_url))
    assert code == 1
    assert "keystore.kind is unkey" in out


def test_our_own_store_is_checked_too(tmp_path: Path, redis_url: str) -> None:
    path = tmp_path / "keywatch.yaml"
    path.write_text(f"redis: {{url: '{redis_url}'}}\n")
    from monitor.wiring import open_key_store

    open_key_store(path).import_external("k", "acme", "ops")
    code, out = run("keys", "store-check", "--key", "k", "--exercise", "--yes", "-c", str(path))
    assert (code, "then reinstated (now active)" in out) == (0, True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_passes_a_config_check(variant: str, tmp_path: Path) -> None:
    with serving(VARIANTS[variant]()) as vendor:
        code, out = run("config", "check", "-c", config(vendor, tmp_path, "redis://nowhere"))
    assert code == 0
    assert not any(secret in out for secret in vendor.secrets)
    shown = yaml.safe_load(out)["keystore"]
    assert set(shown) >= {"kind", section_of(vendor.kind)}


def test_a_config_check_finds_a_kind_without_settings(tmp_path: Path) -> None:
    path = tmp_path / "keywatch.yaml"
    path.write_text("keystore: {kind: tyk}\n")
    code, out = run("config", "check", "-c", str(path))
    assert (code, "keystore.tyk" in out) == (4, True)
