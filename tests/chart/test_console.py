"""The console's part of the chart: who may come in, where it listens, how it is found and scaled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.cli import app
from monitor.config import load
from tests.chart.rendering import CHART, CONSOLE, env, from_file, kinds, main, named, rendered, settings

SECRETS = "/run/secrets/keywatch"


def test_the_console_listens_where_its_service_and_its_settings_say(tmp_path: Path) -> None:
    made = rendered(console={"enabled": True, "port": 8181}, secrets=CONSOLE["secrets"])
    container = main(made, "Deployment")
    assert {"name": "console", "containerPort": 8181, "protocol": "TCP"} in container["ports"]
    (tmp_path / "keywatch.yaml").write_text(yaml.safe_dump(settings(made)))
    variables = {name: value for name, value in env(container).items() if name.startswith("KEYWATCH")}
    console = load(tmp_path / "keywatch.yaml", variables).console
    assert (console.host, console.port, console.open) == ("0.0.0.0", 8181, True)
    assert "KEYWATCH_CONSOLE__HOST" not in env(main(made)), "role all keeps its console to itself"


def test_every_secret_lands_in_a_setting_that_exists(tmp_path: Path) -> None:
    names = yaml.safe_load((CHART / "values.yaml").read_text())["secrets"]
    every = {name: {"existingSecret": "s", "key": name} for name in names}
    made = rendered(secrets=every, config={"console": {"oidc": {"issuer": "https://login.example.com"}}})
    (tmp_path / "keywatch.yaml").write_text(yaml.safe_dump(settings(made)))
    found = load(tmp_path / "keywatch.yaml", {})
    assert found.console.oidc is not None
    assert found.console.oidc.issuer == "https://login.example.com"
    assert found.console.oidc.client_secret_file == "/run/secrets/keywatch/oidcClientSecret/value"
    text = yaml.safe_dump(settings(made))
    mounts = {m["mountPath"] for m in main(made)["volumeMounts"]}
    for name in names:
        assert text.count(f"/run/secrets/keywatch/{name}/value") == 1
        assert f"/run/secrets/keywatch/{name}" in mounts


@pytest.mark.parametrize(
    ("console", "config", "url"),
    [
        ({"ingress": {"enabled": True, "hosts": ["a.example"]}}, {}, "https://a.example"),
        (
            {"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["b.example"]}},
            {},
            "https://b.example",
        ),
        (
            {"ingress": {"enabled": True, "hosts": ["a.example"]}},
            {"alert": {"console_url": "https://c.example"}},
            "https://c.example",
        ),
        ({}, {}, None),
    ],
)
def test_messages_link_to_where_the_console_is(
    console: dict[str, Any], config: dict[str, Any], url: str | None
) -> None:
    made = rendered(console={"enabled": True, **console}, config=config, secrets=CONSOLE["secrets"])
    assert settings(made).get("alert", {}).get("console_url") == url


def test_the_console_scales_on_cpu_and_then_has_no_count_of_its_own() -> None:
    shared = {**CONSOLE["secrets"], "consoleSessionSecret": {"existingSecret": "c", "key": "s"}}
    made = rendered(console={"enabled": True, "hpa": {"enabled": True}}, secrets=shared)
    scaler = named(made, "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "rel-keywatch-console"
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
    assert "replicas" not in named(made, "Deployment", "rel-keywatch-console")["spec"]
    assert "HorizontalPodAutoscaler/rel-keywatch-console" not in kinds(rendered(**CONSOLE))


def test_the_console_is_probed_and_locked_down_as_every_role_is() -> None:
    made = rendered(**CONSOLE)
    console, consumer = main(made, "Deployment"), main(made)
    for part in ("startupProbe", "livenessProbe", "readinessProbe", "securityContext"):
        assert console[part] == consumer[part]
    assert console["securityContext"]["readOnlyRootFilesystem"] is True
    assert "PodDisruptionBudget/rel-keywatch-console" in kinds(made)
    scraped = named(made, "Service", "rel-keywatch-pods")["spec"]["selector"]
    labels = named(made, "Deployment", "rel-keywatch-console")["spec"]["template"]["metadata"]["labels"]
    assert scraped.items() <= labels.items()


def test_the_console_is_routed_to_by_ingress_or_gateway() -> None:
    made = rendered(
        secrets=CONSOLE["secrets"],
        console={
            "enabled": True,
            "ingress": {"enabled": True, "hosts": ["a.example"]},
            "httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["a.example"]},
        },
    )
    service = named(made, "Service", "rel-keywatch-console")
    assert service["spec"]["ports"][0]["targetPort"] == "console"
    path = named(made, "Ingress")["spec"]["rules"][0]["http"]["paths"][0]
    assert path["backend"]["service"] == {"name": "rel-keywatch-console", "port": {"number": 80}}
    route = named(made, "HTTPRoute")["spec"]["rules"][0]
    assert route["backendRefs"] == [{"name": "rel-keywatch-console", "port": 80}]
    policy = named(made, "NetworkPolicy")["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in policy] == ["metrics", "console"]


@pytest.mark.parametrize("name", ["console-ingress", "console-httproute"])
def test_its_settings_pass_the_check_of_the_command(tmp_path: Path, name: str) -> None:
    made = from_file(CHART / f"ci/{name}-values.yaml")
    text = yaml.safe_dump(settings(made))
    for path in set(re.findall(rf"{SECRETS}/\w+/value", text)):
        there = tmp_path / path.removeprefix("/")
        there.parent.mkdir(parents=True)
        tokens = f'- {{name: ci, role: viewer, sha256: "{"0" * 64}"}}'
        there.write_text(tokens if "consoleTokens" in path else "s" * 64)
    file = tmp_path / "keywatch.yaml"
    file.write_text(text.replace(SECRETS, f"{tmp_path}{SECRETS}"))
    variables = {
        name: str(value)
        for name, value in env(main(made, "Deployment", "rel-keywatch-console")).items()
        if value
    }
    done = CliRunner().invoke(app, ["config", "check", "-c", str(file), "--role", "console"], env=variables)
    assert done.exit_code == 0, done.output
    assert "host: 0.0.0.0" in done.output
