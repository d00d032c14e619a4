"""The page on wire formats: every format is there, its settings load, and they decode."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pytest
import yaml

from monitor.config import Config
from monitor.decode import FORMATS, KEYED, REGISTERED, decoder_for
from monitor.decode.base import Limits
from monitor.wiring_formats import decoder_of

PAGE: Final = (Path("docs") / "formats.md").read_text()


@pytest.mark.parametrize("name", [*FORMATS, *KEYED, *REGISTERED, "cloudevents"])
def test_every_format_has_its_field_map(name: str) -> None:
    _, found, section = PAGE.partition(f"\n## {name}\n")
    assert found
    assert f"](#{name})" in PAGE
    assert "|---|" in section.split("\n## ")[0] or name == "combined"


@pytest.mark.parametrize("name", ["kong", "envoy", "nginx", "aws_apigw", "cloudtrail", "ocsf"])
def test_every_field_that_is_read_is_in_its_map(name: str) -> None:
    module = import_module(f"monitor.decode.{name}")
    structs = [found for found in vars(module).values() if is_struct_of(found, module.__name__)]
    fields = {field.encode_name for struct in structs for field in msgspec.structs.fields(struct)}
    assert len(fields) > 8
    section = PAGE.partition(f"\n## {name.replace('_', '-')}\n")[2].split("\n## ")[0]
    assert {field for field in fields if field not in section} == set()


def is_struct_of(found: object, module: str) -> bool:
    return isinstance(found, type) and issubclass(found, msgspec.Struct) and found.__module__ == module


def test_the_settings_on_the_page_are_settings_of_formats_there_are() -> None:
    blocks = [b for b in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if b.startswith("kafka:")]
    assert len(blocks) == 7
    for block in blocks:
        config = msgspec.convert(yaml.safe_load(block.replace("/etc/keywatch/tls/ca.pem", '""')), Config)
        decoder_of(config, config.kafka.format, Limits())


def test_the_aws_log_format_on_the_page_is_read() -> None:
    (template,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert '"$context.identity.apiKey"' not in template
    line = template.replace("$context.requestTimeEpoch", "1780272000000").replace("$context.status", "200")
    found = decoder_for("aws-apigw", Limits()).decode([line.encode()], np.arange(1)).columns
    said = (found.key_id, found.ip, found.endpoint, found.method, found.user_agent, found.tenant)
    names = (
        "identity.apiKeyId",
        "identity.sourceIp",
        "path",
        "httpMethod",
        "identity.userAgent",
        "accountId",
    )
    assert said == tuple([f"$context.{name}"] for name in names)


def test_the_envoy_log_format_on_the_page_is_read() -> None:
    (template,) = re.findall(r"```yaml\n(access_log:.*?)```", PAGE, re.DOTALL)
    (log,) = yaml.safe_load(template)["access_log"]
    line = log["typed_config"]["log_format"]["json_format"]
    line |= {"start_time": "2026-06-01T00:00:00Z", "path": "/v1", "client_ip": "198.18.0.1"}
    found = decoder_for("envoy", Limits()).decode([json.dumps(line).encode()], np.arange(1)).columns
    assert (found.key_id, found.ip, found.method) == (
        ["%DYNAMIC_METADATA(envoy.filters.http.ext_authz:key_id)%"],
        ["198.18.0.1"],
        ["%REQ(:METHOD)%"],
    )
