"""The console logs people in and decides on a case with the Redis rights of docs/secured.md and no more."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from monitor.cli import app
from monitor.config import Config
from monitor.config_alerting import AlertConfig
from monitor.config_console import ConsoleConfig
from monitor.connect import connect_redis
from monitor.logs import Log
from monitor.wiring import CLOCK, open_redis
from monitor.wiring_alerting import office_for
from monitor.wiring_console import console_for
from tests.alerts import case, finding
from tests.secured import PASSWORD, certificates, secured_redis
from tests.secured_settings import acl_rules, redis_config

ORIGIN = "https://keywatch.example"
PAGES = ("/", "/cases", "/incidents", "/findings", "/keys", "/detectors", "/silences", "/policy", "/audit")


@pytest.mark.redis
def test_people_look_and_decide_with_least_rights(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["console", "token", "mary", "--role", "admin"])
    (tmp_path / "tokens.yaml").write_text(made.stdout)
    (tmp_path / "password").write_text(PASSWORD)
    signed = certificates(tmp_path)
    with secured_redis(tmp_path, signed, acl_rules()) as store:
        config = Config(
            redis=redis_config(store, signed, tmp_path / "password"),
            console=ConsoleConfig(port=0, tokens_file=str(tmp_path / "tokens.yaml"), cookie_secure=False),
            alert=AlertConfig(console_url=ORIGIN),
        )
        with closing(open_redis(config)) as ours:
            office = office_for(config, ours)
            opened = case(finding())
            office.cases.put(opened)
            console = console_for(config, ours, Log(CLOCK, "error", io.StringIO()), office)
            token = made.stderr.split()[-1]
            console.start()
            with httpx.Client(base_url=f"http://127.0.0.1:{console.server.port}") as browser:
                look_and_decide(browser, token, opened.id)
            console.stop()
        with connect_redis(store.plain) as admin:
            refused: Any = admin.acl_log()
        assert refused == []


def look_and_decide(browser: httpx.Client, token: str, case_id: str) -> None:
    origin = {"Origin": ORIGIN}
    login = browser.post("/login", data={"token": token}, headers=origin)
    assert (login.status_code, login.headers["location"]) == (303, "/")
    assert {page: browser.get(page).status_code for page in PAGES} == dict.fromkeys(PAGES, 200)
    bearer = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    said = {"verdict": "confirm", "reason": "seen"}
    for replayed in (None, "true"):
        answer = browser.post(f"/api/v1/cases/{case_id}/verdicts", json=said, headers=bearer)
        assert answer.status_code == 200, answer.text
        assert answer.headers.get("Idempotency-Replayed") == replayed
    assert browser.post("/logout", headers=origin).headers["location"] == "/login"
    wrong = browser.post("/login", data={"token": "kwc_wrong"}, headers=origin)
    assert wrong.headers["location"].startswith("/login?failed")
