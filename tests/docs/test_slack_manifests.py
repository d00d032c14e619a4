"""The Slack apps in deploy/slack: a scope for every call that the code makes, and the page's own manifest."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

FILES: Final = ("socket", "http")
PAGE: Final = Path("docs/slack.md").read_text()
CALLS: Final = re.compile(r"\b(?:chat|conversations|files|usergroups|users|reactions|pins|im)_[a-zA-Z_]+")
SCOPES: Final = {
    "chat": "chat:write",
    "conversations_history": "channels:history",
    "conversations_list": "channels:read",
    "files": "files:write",
    "usergroups": "usergroups:read",
}


def manifest(name: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(Path(f"deploy/slack/{name}.yaml").read_text())
    return made


def scope_of(call: str) -> str:
    return SCOPES.get(call) or SCOPES[call.partition("_")[0]]


@pytest.mark.parametrize("name", FILES)
def test_every_call_has_its_scope(name: str) -> None:
    text = "".join(path.read_text() for path in Path("alerting").rglob("*.py"))
    calls = set(CALLS.findall(text))
    assert {"chat_postMessage", "conversations_history", "usergroups_users_list"} <= calls
    scopes = manifest(name)["oauth_config"]["scopes"]["bot"]
    assert {scope_of(call) for call in calls} <= set(scopes)


def test_socket_mode_names_no_address_and_http_the_ones_we_listen_on() -> None:
    assert manifest("socket")["settings"]["socket_mode_enabled"]
    assert "url" not in yaml.safe_dump(manifest("socket"))
    listens = re.findall(r'Route\("(/slack/\w+)"', Path("alerting/slack_desk/http.py").read_text())
    shown = re.findall(r"https://keywatch\.example\.com(/\S+)", yaml.safe_dump(manifest("http")))
    assert sorted(shown) == sorted(listens)
    assert not manifest("http")["settings"]["socket_mode_enabled"]


@pytest.mark.parametrize("name", FILES)
def test_slack_s_limits_are_kept(name: str) -> None:
    """Lengths as Slack's manifest reference has them."""
    made = manifest(name)
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    (command,) = made["features"]["slash_commands"]
    assert command["command"].startswith("/")
    assert len(command["description"]) <= 2000


def test_the_page_shows_and_links_them() -> None:
    (shown,) = [
        yaml.safe_load(text)
        for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
        if "oauth_config" in text
    ]
    for part in ("display_information", "features"):
        assert shown[part] == manifest("socket")[part]
    assert set(shown["oauth_config"]["scopes"]["bot"]) <= set(
        manifest("socket")["oauth_config"]["scopes"]["bot"]
    )
    assert all(f"../deploy/slack/{name}.yaml" in PAGE for name in FILES)
