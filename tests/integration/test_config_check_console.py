"""``keywatch config check`` on what a console needs, before one is started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.cli import app

ZEROS = "0" * 64
OIDC = {"issuer": "https://login.example", "client_id": "keywatch", "roles": {"all": "viewer"}}
URL = {"console_url": "https://keywatch.example"}


def checked(folder: Path, settings: dict[str, Any], *options: str) -> tuple[int, str]:
    path = folder / "keywatch.yaml"
    path.write_text(yaml.safe_dump(settings))
    done = CliRunner().invoke(app, ["config", "check", "-c", str(path), *options])
    return done.exit_code, done.output


def tokens(folder: Path, *lines: str) -> str:
    path = folder / "tokens.yaml"
    path.write_text("\n".join(lines))
    return str(path)


VALID = f"- {{name: a, role: viewer, sha256: '{ZEROS}'}}"
EXPIRED = f"- {{name: a, role: viewer, sha256: '{ZEROS}', expires: 2020-01-01T00:00:00Z}}"


def test_a_console_that_lets_somebody_in_is_fine(tmp_path: Path) -> None:
    code, out = checked(
        tmp_path, {"console": {"tokens_file": tokens(tmp_path, EXPIRED, VALID.replace("0", "1"))}}
    )
    assert code == 0, out
    assert "logins end with this process" in out
    (tmp_path / "session").write_text("s" * 32)
    settings = {"oidc": OIDC, "session_secret_file": str(tmp_path / "session")}
    code, out = checked(tmp_path, {"console": settings, "alert": URL}, "--role", "console")
    assert code == 0, out
    assert "console_setting" not in out


def test_without_a_console_nothing_is_asked_unless_one_is_to_run(tmp_path: Path) -> None:
    assert checked(tmp_path, {})[0] == 0
    code, out = checked(tmp_path, {}, "--role", "console")
    assert code == 4
    assert "the console lets nobody in: set console.tokens_file" in out
    code, out = checked(tmp_path, {"console": {"port": 8081}})
    assert code == 0
    assert "it has settings, but lets nobody in" in out


def test_a_plain_installation_is_checked_without_the_consoles_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "monitor.wiring_console", None)
    assert checked(tmp_path, {})[0] == 0
    code, out = checked(tmp_path, {"console": {"port": 8081}})
    assert code == 4
    assert "is missing: pip install 'keywatch[console]'" in out


@pytest.mark.parametrize(
    ("console", "said"),
    [
        ({"tokens_file": "/nowhere"}, "console.tokens_file: cannot read /nowhere"),
        ({"oidc": {}}, "console.oidc: issuer, client_id, roles must be set"),
        ({"oidc": {**OIDC, "issuer": "http://login.example"}}, "must begin with https://"),
        ({"oidc": {**OIDC, "ca_file": "/nowhere"}}, "console.oidc.ca_file: cannot read /nowhere"),
        ({"oidc": {**OIDC, "client_secret_file": "/nowhere"}}, "client_secret_file: cannot read /nowhere"),
        ({"oidc": OIDC, "session_secret_file": "/nowhere"}, "session_secret_file: cannot read /nowhere"),
        ({"oidc": OIDC, "trusted_proxies": ["*"]}, "console.trusted_proxies: '*' is no address"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, console: dict[str, Any], said: str) -> None:
    code, out = checked(tmp_path, {"console": console, "alert": URL})
    assert code == 4
    assert said in out


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "holds no token that is still valid"),
        ((EXPIRED,), "holds no token that is still valid"),
        (("- {name: a, role: king, sha256: x}",), "Invalid enum value 'king'"),
    ],
)
def test_a_tokens_file_that_opens_nothing_is_told(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    code, out = checked(tmp_path, {"console": {"tokens_file": tokens(tmp_path, *lines)}})
    assert code == 4
    assert said in out


def test_a_login_by_a_provider_needs_our_own_address(tmp_path: Path) -> None:
    code, out = checked(tmp_path, {"console": {"oidc": OIDC}})
    assert code == 4
    assert "console.oidc needs alert.console_url" in out


def test_a_certificate_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    code, out = checked(
        tmp_path, {"console": {"oidc": {**OIDC, "ca_file": str(tmp_path / "ca.pem")}}, "alert": URL}
    )
    assert code == 4
    assert "console.oidc.ca_file: cannot read" in out
