"""Settings of the key store: one section a kind, nothing unknown, no secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from domain.clock import ManualClock
from domain.errors import Fatal, Reason
from domain.ports import Capabilities, Granularity
from monitor.config import Config, load, masked
from monitor.wiring_keystore import capabilities_of

SECRET = "whsec_" + "QUFB" * 10


def settings(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    path = tmp_path / "keywatch.yaml"
    path.write_text(text)
    return load(path, environ or {})


def problem(tmp_path: Path, text: str) -> str:
    with pytest.raises(Fatal) as caught:
        capabilities_of(settings(tmp_path, text).keystore, ManualClock())
    assert caught.value.reason in (Reason.CONFIG, Reason.CREDENTIALS)
    return str(caught.value)


def test_redis_is_the_kind_when_nothing_is_said(tmp_path: Path) -> None:
    keystore = settings(tmp_path, "").keystore
    assert keystore.kind == "redis"
    assert capabilities_of(keystore, ManualClock()) == Capabilities(True, Granularity.KEY, 0.0, revokes=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keystore: {kind: kong}", "set it up under keystore.kong"),
        ("keystore: {kind: azure-apim}", "set it up under keystore.azure_apim"),
        ("keystore: {kind: knog}", "knog"),
        ("keystore: {kind: kong, kong: {url: 'https://kong', tokn_file: x}}", "tokn_file"),
        ("keystore: {kind: tyk, tyk: {url: 'https://tyk'}}", "secret_file"),
        ("keystore: {kind: kong, kong: {url: 'kong:8001'}}", "keystore.kong.url"),
        ("keystore: {kind: kong, kong: {url: 'https://me:pw@kong'}}", "no login"),
        ("keystore: {kind: tyk, tyk: {url: 'https://tyk', secret_file: /nowhere}}", "cannot read"),
        ("keystore: {kind: google, google: {project: p, mode: destroy}}", "destroy"),
        ("keystore: {kind: azure-apim, azure_apim: {service: /s}}", "keystore.azure_apim.tenant_id"),
        ("keystore: {kind: aws-iam, aws_iam: {regoin: eu}}", "regoin"),
        ("keystore: {kind: webhook, webhook: {url: 'http://h/', secret_files: []}}", "https://"),
        (
            "keystore: {kind: webhook, webhook: {url: 'https://h/', secret_files: []}}",
            "no secret to sign with",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    assert said in problem(tmp_path, text)


def test_networks_and_certificates_are_read_at_the_start(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    hook = f"url: 'https://h/', secret_files: ['{secret}']"
    bad_network = f"keystore: {{kind: webhook, webhook: {{{hook}, allow_networks: ['10.0.0.0/99']}}}}"
    assert "allow_networks" in problem(tmp_path, bad_network)
    bad_file = f"keystore: {{kind: webhook, webhook: {{{hook}, http: {{ca_file: /nowhere}}}}}}"
    assert "ca_file" in problem(tmp_path, bad_file)


def test_a_setting_of_a_section_can_come_from_the_environment(tmp_path: Path) -> None:
    environ = {
        "KEYWATCH_KEYSTORE__KIND": "kong",
        "KEYWATCH_KEYSTORE__KONG__URL": "https://kong:8444",
        "KEYWATCH_KEYSTORE__KONG__HTTP__TIMEOUT_S": "3",
    }
    kong = settings(tmp_path, "keystore: {kong: {url: 'https://old', group: held}}", environ).keystore.kong
    assert kong is not None
    assert (kong.url, kong.group, kong.http.timeout_s) == ("https://kong:8444", "held", 3.0)


def test_only_the_configured_sections_are_shown_and_a_webhooks_path_is_not(tmp_path: Path) -> None:
    text = (
        "keystore: {kind: webhook, webhook: {url: 'https://h.example/T0/s3cret?k=1', secret_files: [/run/s]}}"
    )
    shown = masked(settings(tmp_path, text))["keystore"]
    assert shown["webhook"]["url"] == "https://h.example/********"
    assert {"kong", "google"} & set(shown) == set()
    assert "s3cret" not in yaml.safe_dump(shown)
