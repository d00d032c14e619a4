"""Records as gateways write them, by hand after the documentation cited in each format's module."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from typer.testing import CliRunner

from domain.errors import Fatal, Reason
from domain.event import UNKNOWN
from monitor.cli import app
from monitor.decode import FORMATS, KEYED, decoder_for
from monitor.decode.base import Decoded, Limits
from monitor.detect_format import detect_format
from monitor.source.base import Headers

SAMPLES: Final = Path(__file__).parent / "decode_samples"
GATEWAYS: Final = ("kong", "envoy", "nginx", "aws-apigw", "cloudtrail", "ocsf")
PLAINTEXT: Final = "plaintext-key-nobody-may-keep"
MS: Final = 1_780_272_000_000
CREDENTIAL: Final = "a3dbe2f1-0d0c-4a4b-9f51-0d4c5d2a9b77"
CONSUMER: Final = "c1f1b0de-7a0e-4d0b-8e9c-1b8a4f1c0d55"


def lines(name: str) -> list[bytes]:
    return (SAMPLES / f"{name}.jsonl").read_bytes().splitlines()


def decoded(
    name: str, values: Sequence[bytes | None], headers: Sequence[Headers] | None = None, key_field: str = ""
) -> Decoded:
    return decoder_for(name, Limits(), key_field).decode(values, np.arange(len(values)), headers)


def rows(found: Decoded) -> list[tuple[Any, ...]]:
    """Everything a sample says, an event a row."""
    c = found.columns
    numbers = (c.offset, c.ts_ms - MS, c.status, c.bytes_in, c.bytes_out, c.latency_us)
    texts = (c.key_id, c.ip, c.method, c.endpoint, c.user_agent, c.tenant)
    return list(zip(*(column.tolist() for column in numbers), *texts, strict=True))


EXPECTED: Final[dict[str, list[tuple[Any, ...]]]] = {
    "kong": [
        (
            0,
            4,
            200,
            139,
            9982,
            515_000,
            CREDENTIAL,
            "198.18.3.7",
            "GET",
            "/v1/items/42",
            "HTTPie/3.2.3",
            "cust-7",
        ),
        (1, 1000, 201, 312, 88, 12_000, CREDENTIAL, "198.18.3.7", "POST", "/v1/items", "curl/8.5.0", "acme"),
        (1, 2000, 200, 90, 45, 3_000, CONSUMER, "2001:db8::7", "GET", "/v1/items", "", CONSUMER),
    ],
    "envoy": [
        (0, 123, 200, 120, 615, 4_000, "key_7Hq", "198.18.3.7", "GET", "/v1/items/42", "curl/8.5.0", ""),
        (1, 1000, 503, 0, 95, 30_004_000, "key_7Hq", "2001:db8::7", "POST", "/v1/items", "", ""),
    ],
    "nginx": [
        (0, 123, 200, 139, 812, 515_000, "key_7Hq", "198.18.3.7", "GET", "/v1/items/42", "curl/8.5.0", ""),
        (1, 1000, 201, 312, 88, 12_000, "key_7Hq", "2001:db8::7", "POST", "/v1/items", '"quoted" \x01', ""),
    ],
    "aws-apigw": [
        (
            *(0, 123, 200, UNKNOWN, 812, 515_000, "a1b2c3d4e5", "198.18.3.7", "GET", "/prod/v1/items/42"),
            *("curl/8.5.0", "123456789012"),
        ),
        (
            *(1, 1000, 429, UNKNOWN, UNKNOWN, UNKNOWN, "a1b2c3d4e5", "2001:db8::7", "POST", "/v1/items"),
            *("python-requests/2.31.0", ""),
        ),
    ],
    "cloudtrail": [
        (
            *(0, 0, 200, 139, 812, UNKNOWN, "AKIAEXAMPLE7HQ", "198.18.3.7", "GET"),
            *("s3.amazonaws.com:GetObject", "curl/8.5.0", "123456789012"),
        ),
        (
            *(1, 1000, 403, UNKNOWN, UNKNOWN, UNKNOWN, "ASIAEXAMPLE9", "2001:db8::7", "GET"),
            *("ec2.amazonaws.com:DescribeInstances", "aws-cli/2.17.0", "123456789012"),
        ),
        (
            *(1, 2000, 200, UNKNOWN, UNKNOWN, UNKNOWN, "AWSService:lambda.amazonaws.com"),
            *("lambda.amazonaws.com", "POST", "sts.amazonaws.com:AssumeRole", "lambda.amazonaws.com"),
            "123456789012",
        ),
    ],
    "ocsf": [
        (
            0,
            123,
            200,
            139,
            812,
            515_000,
            "key_7Hq",
            "198.18.3.7",
            "GET",
            "/v1/items/42",
            "curl/8.5.0",
            "acme",
        ),
        (
            *(1, 1000, 403, UNKNOWN, UNKNOWN, UNKNOWN, "AKIDEXAMPLE", "s3.amazonaws.com", "POST"),
            *("s3.amazonaws.com:PutObject", "", "123456789012"),
        ),
    ],
}


@pytest.mark.parametrize("name", GATEWAYS)
def test_each_field_of_a_recorded_sample_finds_its_column(name: str) -> None:
    found = decoded(name, lines(name))
    assert rows(found) == EXPECTED[name]
    assert found.rejects == []


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_plaintext_key_in_the_log_reaches_no_column(name: str) -> None:
    assert PLAINTEXT not in repr(decoded(name, lines(name)).columns)


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_file_of_samples_is_recognised(name: str) -> None:
    assert detect_format(SAMPLES / f"{name}.jsonl") == name


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_client_cannot_hide_a_request_behind_bytes_that_are_not_text(name: str) -> None:
    spoilt = [
        line.replace(b"curl/8.5.0", b"curl\xff\xc3").replace(b"HTTPie", b"\xe9") for line in lines(name)
    ]
    found = decoded(name, spoilt)
    assert (len(found.columns), found.rejects) == (len(EXPECTED[name]), [])


def test_nor_in_our_own_format() -> None:
    line = b'{"ts":1780272000000,"key_id":"k","ip":"198.18.3.7","user_agent":"curl\xff"}'
    found = decoded("native", [line])
    assert (found.columns.user_agent, found.rejects) == (["curl\N{REPLACEMENT CHARACTER}"], [])


@pytest.mark.parametrize("name", sorted(KEYED))
def test_a_log_without_the_key_field_is_rejected_and_one_with_another_name_is_read(name: str) -> None:
    renamed = [
        line.replace(b'"key_id"', b'"who"').replace(b'"apiKeyId"', b'"who"') for line in lines(name)[:1]
    ]
    (reject,) = decoded(name, renamed).rejects
    assert reject.reason is Reason.MISSING_KEY_ID
    assert "kafka.key_field" in reject.message
    assert rows(decoded(name, renamed, key_field="who")) == EXPECTED[name][:1]


@pytest.mark.parametrize(("name", "field"), [("aws-apigw", "apiKey"), ("nginx", "remote_addr")])
def test_a_key_field_that_cannot_be_is_refused(name: str, field: str) -> None:
    with pytest.raises(Fatal, match=r"kafka\.key_field") as caught:
        decoder_for(name, Limits(), field)
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("kong", b'{"client_ip":"198.18.3.7"}', Reason.WRONG_TYPE),
        ("kong", b'[{"started_at":"soon"}]', Reason.WRONG_TYPE),
        ("envoy", b'{"key_id":"k"}', Reason.BAD_TIMESTAMP),
        ("envoy", b'{"key_id":"k","start_time":"soon"}', Reason.BAD_TIMESTAMP),
        ("nginx", b'{"key_id":"k","status":200}', Reason.BAD_TIMESTAMP),
        ("nginx", b'{"key_id":"k","msec":"1e308"}', Reason.BAD_TIMESTAMP),
        ("aws-apigw", b'{"apiKeyId":"k","requestTimeEpoch":"-"}', Reason.BAD_TIMESTAMP),
        ("aws-apigw", b"{", Reason.NOT_JSON),
        ("cloudtrail", b'{"eventTime":"2026-06-01T00:00:00Z"}', Reason.WRONG_TYPE),
        ("cloudtrail", b'{"Records":[{"eventName":"GetObject"}]}', Reason.WRONG_TYPE),
        ("cloudtrail", b'{"eventTime":"soon","eventName":"GetObject"}', Reason.BAD_TIMESTAMP),
        ("ocsf", b'{"class_uid":3002,"time":1780272000000}', Reason.WRONG_TYPE),
        ("ocsf", b'{"class_uid":6003,"time":1780272000000}', Reason.MISSING_KEY_ID),
    ],
)
def test_what_is_not_the_format_has_its_reason_and_costs_no_neighbour(
    name: str, value: bytes, reason: Reason
) -> None:
    found = decoded(name, [*lines(name), value])
    assert [reject.reason for reject in found.rejects] == [reason]
    assert rows(found) == EXPECTED[name]


# -- CloudEvents -------------------------------------------------------------------------------------

STRUCTURED: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
BINARY: Final = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("content-type", b"application/json")]


def envelope(**data: Any) -> bytes:
    attributes = {"specversion": "1.0", "id": "1", "source": "/gateway", "type": "api.request"}
    return json.dumps(attributes | data).encode()


@pytest.mark.parametrize("headers", [STRUCTURED, []])
@pytest.mark.parametrize("name", GATEWAYS)
def test_structured_events_are_their_data(name: str, headers: Headers) -> None:
    wrapped = [envelope(data=json.loads(line)) for line in lines(name)]
    found = decoded(f"cloudevents+{name}", wrapped, [headers] * len(wrapped))
    assert (rows(found), found.rejects) == (EXPECTED[name], [])


@pytest.mark.parametrize("name", GATEWAYS)
def test_binary_events_are_the_value_itself(name: str) -> None:
    found = decoded(f"cloudevents+{name}", lines(name), [BINARY] * len(lines(name)))
    assert (rows(found), found.rejects) == (EXPECTED[name], [])


def test_data_in_base64_and_as_text_is_taken_out() -> None:
    line = b'198.18.0.1 - - [01/Jun/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl"'
    events = [envelope(data_base64=base64.b64encode(line).decode()), envelope(data=line.decode())]
    assert decoded("cloudevents+combined", events).columns.endpoint == ["/a", "/a"]


def test_a_bad_envelope_is_rejected_with_its_reason_and_its_neighbours_stay() -> None:
    good = envelope(data=json.loads(lines("envoy")[0]))
    bad = [b"{", lines("envoy")[0], envelope(), envelope(data_base64="%"), envelope(data={"a": 1}), b'"\xff"']
    values = [good, *bad, None, good]
    found = decoded("cloudevents+envoy", values, [STRUCTURED] * len(values))
    assert found.columns.offset.tolist() == [0, 8]
    assert [(reject.row, reject.reason) for reject in found.rejects] == [
        (1, Reason.NOT_JSON),
        (2, Reason.WRONG_TYPE),
        (3, Reason.WRONG_TYPE),
        (4, Reason.WRONG_TYPE),
        (5, Reason.MISSING_KEY_ID),
        (6, Reason.WRONG_TYPE),
    ]


def test_headers_are_not_looked_at_where_no_envelope_is_expected() -> None:
    class Unread(list[Headers]):
        def __getitem__(self, row: Any) -> Any:
            raise AssertionError("headers were fetched")

    assert len(decoded("kong", lines("kong"), Unread()).columns) == 3


def test_a_file_of_cloud_events_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(envelope(data=json.loads(lines("kong")[0])))
    assert detect_format(path) == "cloudevents+kong"


# -- as a user meets them ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kongg", "cloudevents+", "cloudevents+cloudevents+kong"])
def test_config_check_names_the_formats_there_are(tmp_path: Path, name: str) -> None:
    config = tmp_path / "keywatch.yaml"
    config.write_text(f"kafka: {{format: '{name}'}}")
    result = CliRunner().invoke(app, ["config", "check", "-c", str(config)])
    assert result.exit_code != 0
    assert all(known in result.output for known in [*FORMATS, *KEYED])


@pytest.mark.parametrize("name", GATEWAYS)
def test_replay_reads_a_file_of_the_format(name: str) -> None:
    path = str(SAMPLES / f"{name}.jsonl")
    result = CliRunner().invoke(app, ["replay", path, "--json"])
    assert f"{len(EXPECTED[name])} events of" in result.output
    assert "rejected: none" in result.output
