"""``keywatch run --role console`` in a real Chromium, on what a real pipeline left in a real Redis."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

from domain.ports import KeyState
from monitor.config import Config, GeoipConfig, KafkaConfig, RedisConfig
from monitor.config_alerting import AlertConfig
from monitor.config_console import ConsoleConfig
from monitor.connect import connect_redis
from monitor.demo import POLICY
from monitor.embedded import free_port
from monitor.wiring import key_store
from monitor.wiring_alerting import open_office
from sample_streams import GEO
from tests.console.browser import Visit, chromium
from tests.faults.streams import Topic, appended, empty, scenario_lines
from tests.integration.test_console_role import made_token
from tests.processes import probe, running, until
from tests.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
KEY = "key_victim"
OWN = "mary@shop.example"


@pytest.fixture(scope="module")
def stolen(kafka: Kafka) -> Topic:
    """Only the victim's events: enough for its case."""
    lines = [line for line in scenario_lines("stolen_key_new_country") if KEY.encode() in line]
    return appended(empty(kafka), lines)


def configured(folder: Path, stolen: Topic, redis_url: str) -> Path:
    (folder / "policy.yaml").write_text(POLICY)
    config = Config(
        kafka=KafkaConfig(bootstrap=stolen.kafka.bootstrap, topic=stolen.name, group=folder.name),
        redis=RedisConfig(url=redis_url, allow_unsafe=True),
        geoip=GeoipConfig(databases=[str(GEO)]),
        alert=AlertConfig(policy=str(folder / "policy.yaml")),
        console=ConsoleConfig(port=free_port(), tokens_file=str(folder / "tokens.yaml"), cookie_secure=False),
    )
    path = folder / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(config))
    return path


def reinstate(page: Page, token: str) -> None:
    """From the login to the verdict, by what a person sees."""
    page.goto("/")
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_title("Overview - keywatch")
    findings = page.locator(".tile").filter(has_text="Findings, 24 h").locator(".big")
    expect(findings).to_have_text(re.compile("[1-9][0-9]*"))
    page.get_by_role("link", name=KEY).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(KEY)
    page.get_by_role("radio", name="Reinstate").check()
    page.get_by_label("Reason").fill("our new office")
    page.get_by_role("button", name="Give verdict").click()
    expect(page.get_by_role("status").first).to_contain_text("carried out")


def test_a_key_that_the_pipeline_stopped_is_given_back(tmp_path: Path, stolen: Topic, redis_url: str) -> None:
    token, path = made_token(tmp_path, OWN, "--role", "responder"), configured(tmp_path, stolen, redis_url)
    config = msgspec.yaml.decode(path.read_bytes(), type=Config)
    client = connect_redis(redis_url)
    keys = key_store(config, client)
    keys.import_external(KEY, "acme", "ops@acme.example")
    with running(tmp_path / "daemon.log", "run", "-c", str(path)) as daemon:
        until(lambda: keys.describe(KEY).state is KeyState.SUSPENDED, daemon, "suspended")
    port, log = config.console.port, tmp_path / "console.log"
    with running(log, "run", "-c", str(path), "--role", "console") as process:
        until(lambda: probe(port, "/login") == 200, process, "answers")
        with chromium() as browser, Visit(browser, f"http://127.0.0.1:{port}") as visit:
            reinstate(visit.page, token)
            visit.page.goto("/audit")
            expect(visit.page.locator("main")).to_contain_text("our new office")
    assert keys.describe(KEY).state is KeyState.ACTIVE
    done = {(entry.who, entry.what, entry.why) for entry in open_office(path).audit.page(0, 50)}
    assert (f"console:{OWN}", "reinstate", "our new office") in done
    assert token not in log.read_text()
    client.close()
