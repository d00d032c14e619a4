"""Values that are misspelt, contradict one another or hold secrets are refused, in words."""

from __future__ import annotations

import json
from typing import Any

import helm_python
import pytest
import yaml

from monitor.config_schema import CHART_SCHEMA, chart_schema
from tests.chart.rendering import CHART, CONSOLE, rendered


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replicaCount": 2}, "at '': additional properties 'replicaCount' not allowed"),
        ({"consume": {"replicaCount": 2}}, "at '/consume': additional properties 'replicaCount' not allowed"),
        (
            {"config": {"kafka": {"topik": "a"}}},
            "'/config/kafka': additional properties 'topik'",
        ),
        ({"config": {"kafak": {}}}, "at '/config': additional properties 'kafak' not allowed"),
        (
            {"config": {"metrics": {"port": 1}}},
            "'/config/metrics': additional properties 'port'",
        ),
        (
            {"policy": {"version": 1, "rules": [], "suspnd": "on"}},
            "additional properties 'suspnd'",
        ),
        ({"policy": {"suspend": "on"}}, "missing properties 'version', 'rules'"),
        ({"mode": "al"}, "at '/mode': value must be one of 'all', 'split'"),
        ({"consume": {"replicas": "two"}}, "at '/consume/replicas': got string, want integer"),
        ({"image": {"digest": "latest"}}, "at '/image/digest'"),
        ({"secrets": {"slackToken": {"value": "xoxb"}}}, "additional properties 'value' not allowed"),
        ({"consume": {"terminationGracePeriodSeconds": 5}}, "minimum: got 5, want 30"),
    ],
    ids=str,
)
def test_the_schema_refuses(values: dict[str, Any], said: str) -> None:
    with pytest.raises(helm_python.HelmValuesError) as refused:
        rendered(values)
    assert said in str(refused.value)


SCALED = {"enabled": True}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"config": {"kafka": {"bootstrap": ""}}}, "config.kafka.bootstrap is empty"),
        ({"config": {"redis": {"url": ""}}}, "config.redis.url is empty"),
        ({"config": {"slack": {"token": "xoxb-1"}}}, "secrets.slackToken.existingSecret"),
        ({"config": {"redis": {"url": "redis://me:pw@r:6379/0"}}}, "config.redis.url holds a password"),
        ({"config": {"redis": {"url": "rediss+cluster://:pw@r:1"}}}, "config.redis.url holds a password"),
        ({"config": {"kafka": {"security": {"sasl_plain_password": "x"}}}}, "secrets.kafkaPassword"),
        ({"config": {"kafka": {"security": {"ssl_password": "x"}}}}, "values hold no secrets"),
        ({"consume": {"hpa": SCALED, "keda": SCALED}}, "two would fight; keep one"),
        ({"consume": {"hpa": {"enabled": True, "lagPerPod": 0}}}, "needs something to scale on"),
        ({"consume": {"hpa": {"enabled": True, "minReplicas": 9}}}, "minReplicas is greater"),
        ({"consume": {"keda": {"enabled": True, "minReplicas": 9}}}, "minReplicas is greater"),
        ({"config": {"kafka": {"partitions": "all"}}, "consume": {"replicas": 2}}, "fence each other off"),
        ({"console": {"ingress": {"enabled": True}}}, "there is nothing to route to"),
        ({"console": {"httpRoute": {"enabled": True}}}, "there is nothing to route to"),
        ({**CONSOLE, "console": {"enabled": True, "ingress": {"enabled": True}}}, "hosts is empty"),
        ({**CONSOLE, "console": {"enabled": True, "httpRoute": {"enabled": True}}}, "parentRefs is empty"),
        ({"migrate": {"toSchema": 1}}, "would write this release's schema again"),
        (
            {"migrate": {"toSchema": 1, "partitions": True}, "consume": {"replicas": 0}},
            "one after the other",
        ),
        ({"console": {"enabled": True}}, "nobody could come in"),
        ({**CONSOLE, "console": {"enabled": True, "replicas": 2}}, "would refuse the others' logins"),
        ({**CONSOLE, "console": {"enabled": True, "hpa": SCALED}}, "would refuse the others' logins"),
        ({"console": {"hpa": {"enabled": True, "minReplicas": 9}}}, "minReplicas is greater"),
        ({"secrets": {"oidcClientSecret": {"existingSecret": "s"}}}, "config.console.oidc is not"),
        (
            {"policy": {"version": 1, "rules": []}, "config": {"alert": {"policy": "/p.yaml"}}},
            "both policy and config.alert.policy are set",
        ),
    ],
    ids=str,
)
def test_the_templates_refuse(values: dict[str, Any], said: str) -> None:
    with pytest.raises(helm_python.HelmRenderError) as refused:
        rendered(values)
    assert said in str(refused.value)


def test_a_user_name_without_a_password_in_the_url_is_fine() -> None:
    assert rendered({"config": {"redis": {"url": "redis://keywatch@r:6379/0"}}})


def test_the_schema_has_the_settings_of_this_version() -> None:
    current = CHART_SCHEMA.read_text()
    assert chart_schema(current) == current, "run: python -m monitor.config_schema"


def closed(schema: Any, path: str = "") -> list[str]:
    """Objects with named properties that let other names through."""
    if isinstance(schema, list):
        return [hole for number, part in enumerate(schema) for hole in closed(part, f"{path}[{number}]")]
    if not isinstance(schema, dict):
        return []
    holes = [path] if "properties" in schema and schema.get("additionalProperties") is not False else []
    return holes + [hole for name, part in schema.items() for hole in closed(part, f"{path}/{name}")]


def test_no_object_of_the_schema_lets_unknown_names_through() -> None:
    schema = json.loads(CHART_SCHEMA.read_text())
    assert schema["additionalProperties"] is False
    assert closed({name: part for name, part in schema.items() if name != "$defs"}) == []
    assert closed(schema["$defs"]) == []


def test_every_value_is_in_the_schema_and_every_name_of_the_schema_is_a_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    properties = json.loads(CHART_SCHEMA.read_text())["properties"]
    assert set(properties) - {"global"} == set(values)
    for name in ("consume", "alert", "console", "metrics", "secrets", "networkPolicy", "image"):
        assert set(properties[name]["properties"]) == set(values[name]), name
