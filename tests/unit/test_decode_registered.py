"""Avro and Protobuf records: what they say, what is refused, and when the registry is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from typer.testing import CliRunner

from domain.clock import ManualClock
from domain.errors import Fatal, Reason, Transient
from domain.event import UNKNOWN
from monitor.cli import app
from monitor.config import Config, KafkaConfig, RegistryConfig
from monitor.decode.base import Decoded, Decoder, Limits
from monitor.registry.client import KEPT, SchemaRegistry, bounded_put
from monitor.source.base import Headers
from monitor.wiring_formats import decoder_of, schema_registry
from tests.registry_server import Registry, registry_server
from tests.schemas import (
    AVRO,
    EVENT,
    TS_MS,
    avro_payload,
    framed,
    message_class,
    nullable,
    proto_file,
    schema_text,
    serialized,
    usage_message,
)

GOOD = EVENT["key_id"]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with registry_server() as running:
        yield running


def decoder(registry: Registry, wire_format: str = "avro", **settings: Any) -> Decoder:
    kafka = KafkaConfig(format=wire_format, **settings.pop("kafka", {}))
    config = Config(kafka=kafka, registry=RegistryConfig(url=registry.url, **settings))
    return decoder_of(config, wire_format, Limits())


def decoded(
    found: Decoder, values: Sequence[bytes | None], headers: Sequence[Headers] | None = None
) -> Decoded:
    return found.decode(values, np.arange(len(values)), headers)


def avro_value(registry: Registry, schema: Any = AVRO, event: dict[str, Any] = EVENT) -> bytes:
    return framed(registry.register("usage-value", schema_text(schema)), avro_payload(schema, event))


def proto_value(registry: Registry, message: Any, indexes: bytes) -> bytes:
    schema_id = registry.register("usage-value", serialized(proto_file()), "PROTOBUF")
    return framed(schema_id, indexes + message.SerializeToString())


def assert_is_the_event(found: Decoded) -> None:
    assert found.rejects == []
    c = found.columns
    numbers = (c.ts_ms, c.status, c.bytes_in, c.bytes_out, c.latency_us)
    assert [column.tolist() for column in numbers] == [[TS_MS], [201], [UNKNOWN], [812], [2500]]
    texts = (c.key_id, c.ip, c.method, c.endpoint, c.user_agent, c.tenant)
    assert texts == ([GOOD], ["198.18.3.7"], ["POST"], ["/v1/items/42"], ["curl/8.5.0"], [""])
    assert c.places == {}


def test_each_field_of_an_avro_record_finds_its_column(registry: Registry) -> None:
    assert_is_the_event(decoded(decoder(registry), [avro_value(registry)]))


@pytest.mark.parametrize("prefix", ["", "cloudevents+"])
def test_each_field_of_a_protobuf_message_finds_its_column(registry: Registry, prefix: str) -> None:
    value = proto_value(registry, usage_message(EVENT), b"\x02\x02")
    binary = [[("ce_specversion", b"1.0")]]
    assert_is_the_event(decoded(decoder(registry, f"{prefix}protobuf"), [value], binary))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, TS_MS),
        ({"type": "long", "logicalType": "timestamp-micros"}, TS_MS * 1000 + 7),
        ({"type": "long", "logicalType": "local-timestamp-nanos"}, TS_MS * 1_000_000),
        (["null", {"type": "long", "logicalType": "timestamp-micros"}], TS_MS * 1000),
        ("long", TS_MS),
        ("double", TS_MS / 1000),
        ("string", "2026-06-01T00:00:00.123Z"),
    ],
)
def test_a_time_may_be_of_any_unit(registry: Registry, kind: Any, value: Any) -> None:
    plain = json.loads(json.dumps(kind).replace("logicalType", "was"))
    schema = {**AVRO, "fields": [{"name": "ts", "type": kind}, *AVRO["fields"][1:]]}
    written = {**AVRO, "fields": [{"name": "ts", "type": plain}, *AVRO["fields"][1:]]}
    schema_id = registry.register("usage-value", schema_text(schema))
    payload = avro_payload(written, {**EVENT, "ts": value})
    assert_is_the_event(decoded(decoder(registry), [framed(schema_id, payload)]))


def test_fields_may_have_other_names_and_lie_in_records(registry: Registry) -> None:
    client = {"type": "record", "name": "Client", "fields": [{"name": "address", **nullable("string")}]}
    schema = {
        "type": "record",
        "name": "Request",
        "fields": [
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "credential", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "client", "type": ["null", client]},
        ],
    }
    credential = "a3dbe2f1-0d0c-4a4b-9f51-0d4c5d2a9b77"
    written = json.loads(json.dumps(schema).replace("logicalType", "was"))
    schema_id = registry.register("usage-value", schema_text(schema))
    values = [
        framed(
            schema_id, avro_payload(written, {"at": TS_MS * 1000, "credential": credential, "client": inner})
        )
        for inner in ({"address": "198.18.3.7"}, {"address": None}, None)
    ]
    kafka = {"key_field": "credential", "fields": {"ts": "at", "ip": "client.address"}}
    found = decoded(decoder(registry, kafka=kafka), values)
    assert found.rejects == []
    assert found.columns.ip == ["198.18.3.7", "", ""]
    assert found.columns.key_id == [credential] * 3
    assert found.columns.ts_ms.tolist() == [TS_MS] * 3


def test_messages_within_messages_are_read_by_their_indexes_and_paths(registry: Registry) -> None:
    batch = message_class("ApiUsage.Batch")()
    batch.usage.ParseFromString(usage_message(EVENT).SerializeToString())
    value = proto_value(registry, batch, b"\x04\x02\x00")
    fields = {name: f"usage.{name}" for name in EVENT if name != "tags"}
    assert_is_the_event(decoded(decoder(registry, "protobuf", kafka={"fields": fields}), [value]))


def test_protobuf_tells_zero_from_nothing_where_the_field_can(registry: Registry) -> None:
    event = {**EVENT, "bytes_in": 0, "status": 0, "lat": 0.0}
    found = decoded(decoder(registry, "protobuf"), [proto_value(registry, usage_message(event), b"\x02\x02")])
    assert (found.columns.bytes_in.tolist(), found.columns.status.tolist()) == ([0], [UNKNOWN])
    assert found.columns.places == {}


def test_schemas_may_refer_to_others(registry: Registry) -> None:
    method = AVRO["fields"][3]["type"] | {"namespace": "org.example"}
    registry.register("method", schema_text(method))
    fields = [
        {"name": "method", "type": "org.example.Method"} if f["name"] == "method" else f
        for f in AVRO["fields"]
    ]
    reference = {"name": "org.example.Method", "subject": "method", "version": 1}
    schema_id = registry.register("usage-value", schema_text({**AVRO, "fields": fields}), "AVRO", [reference])
    assert_is_the_event(decoded(decoder(registry), [framed(schema_id, avro_payload(AVRO, EVENT))]))


def test_protobuf_files_may_import_others(registry: Registry) -> None:
    file = proto_file()
    method = descriptor_pb2.FileDescriptorProto(name="any", package="org.example", syntax="proto3")
    method.enum_type.append(file.enum_type[0])
    del file.enum_type[:]
    file.dependency.append("a/method.proto")
    registry.register("a/method.proto", serialized(method), "PROTOBUF")
    reference = {"name": "a/method.proto", "subject": "a/method.proto", "version": 1}
    schema_id = registry.register("usage-value", serialized(file), "PROTOBUF", [reference])
    value = framed(schema_id, b"\x02\x02" + usage_message(EVENT).SerializeToString())
    assert_is_the_event(decoded(decoder(registry, "protobuf"), [value]))


@pytest.mark.parametrize("place", ["value", "headers"])
def test_a_guid_names_the_schema_in_the_value_or_in_a_header(registry: Registry, place: Any) -> None:
    schema_id = registry.register("usage-value", schema_text(AVRO))
    guid, payload = b"\x01" + registry.guid(schema_id).bytes, avro_payload(AVRO, EVENT)
    if place == "headers":
        headers: list[Headers] = [[("__value_schema_id", guid)]]
    else:
        headers, payload = [[("other", None)]], guid + payload
    found = decoder(registry, schema_id=place)
    assert_is_the_event(decoded(found, [payload], headers))
    assert_is_the_event(decoded(found, [framed(schema_id, avro_payload(AVRO, EVENT))], [[]]))


# -- what is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: b'{"ts":1}', Reason.NOT_FRAMED),
        (lambda good: good[:4], Reason.NOT_FRAMED),
        (lambda good: b"\x01" + good, Reason.UNKNOWN_SCHEMA),
        (lambda good: framed(99, good[5:]), Reason.UNKNOWN_SCHEMA),
        (lambda good: framed(2**32 - 1, good[5:]), Reason.UNKNOWN_SCHEMA),
        (lambda good: good[:-3], Reason.WRONG_TYPE),
        (lambda good: good + b"\x00", Reason.WRONG_TYPE),
        (lambda good: good[:5], Reason.WRONG_TYPE),
    ],
)
def test_a_record_that_cannot_be_read_is_rejected_alone(
    registry: Registry, spoil: Any, reason: Reason
) -> None:
    good = avro_value(registry)
    found = decoded(decoder(registry), [good, spoil(good), None, good])
    assert [(reject.row, reject.reason) for reject in found.rejects] == [(1, reason)]
    assert found.columns.offset.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: good[:5] + b"\x02\x7e" + good[7:], Reason.WRONG_TYPE),
        (lambda good: good[:5] + b"\xff" * 9, Reason.WRONG_TYPE),
        (lambda good: good[:5] + b"\x03", Reason.WRONG_TYPE),
        (lambda good: good[:-1], Reason.WRONG_TYPE),
        (lambda good: good[:5] + b"\x00", Reason.WRONG_TYPE),
    ],
)
def test_a_message_that_cannot_be_read_is_rejected_alone(
    registry: Registry, spoil: Any, reason: Reason
) -> None:
    good = proto_value(registry, usage_message(EVENT), b"\x02\x02")
    found = decoded(decoder(registry, "protobuf"), [good, spoil(good), good])
    assert [(reject.row, reject.reason) for reject in found.rejects] == [(1, reason)]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("{", "not an Avro schema"),
        ('{"type": "record"}', "not an Avro schema"),
        ('{"type":"record","name":"N","fields":[{"name":"n","type":["null","N"]}]}', "recursive"),
        (
            '{"type":"record","name":"N","fields":[{"name":"n","type":{"type":"array","items":"null"}}]}',
            "array",
        ),
    ],
)
def test_a_schema_that_cannot_be_used_rejects_its_records(
    registry: Registry, schema: str, words: str
) -> None:
    schema_id = registry.register("usage-value", schema)
    (reject,) = decoded(decoder(registry), [framed(schema_id, b"\x02" * 900_000)]).rejects
    assert reject.reason is Reason.WRONG_TYPE
    assert words in reject.message
    assert f"schema {schema_id}" in reject.message


def test_a_schema_of_the_other_kind_is_told(registry: Registry) -> None:
    value = avro_value(registry)
    (reject,) = decoded(decoder(registry, "protobuf"), [value]).rejects
    assert "is AVRO, kafka.format is protobuf" in reject.message


def test_a_registry_that_gives_only_text_is_told(registry: Registry) -> None:
    registry.serializes = False
    value = proto_value(registry, usage_message(EVENT), b"\x02\x02")
    (reject,) = decoded(decoder(registry, "protobuf"), [value]).rejects
    assert "format=serialized" in reject.message


def test_the_value_is_never_told(registry: Registry) -> None:
    schema = {**AVRO, "fields": [f for f in AVRO["fields"] if f["name"] != "key_id"]}
    found = decoded(decoder(registry), [avro_value(registry, schema), avro_value(registry)[:-3]])
    assert [reject.reason for reject in found.rejects] == [Reason.MISSING_KEY_ID, Reason.WRONG_TYPE]
    assert not any(str(value) in str(found.rejects) for value in EVENT.values())


# -- the registry ------------------------------------------------------------------------------------


def test_a_schema_is_asked_for_once_and_only_at_the_registry(registry: Registry) -> None:
    found = decoder(registry)
    for _ in range(3):
        decoded(found, [avro_value(registry)] * 50)
    assert registry.asked == ["/schemas/ids/1"]


def test_an_unknown_id_is_asked_for_again_but_not_at_once(registry: Registry) -> None:
    clock = ManualClock()
    found = schema_registry(RegistryConfig(url=registry.url), "avro")
    waiting = SchemaRegistry(found._api, clock)
    asked = []
    for _ in range(8):
        with pytest.raises(Exception, match="no schema 1"):
            waiting.schema(1)
        asked.append(len(registry.asked))
        clock.advance(1.0)
    assert asked == [1, 2, 2, 3, 3, 3, 3, 4]
    registry.register("usage-value", schema_text(AVRO))
    clock.advance(60.0)
    assert waiting.schema(1).kind == "AVRO"


def test_what_is_kept_is_bounded() -> None:
    kept: dict[int, int] = {}
    for number in range(KEPT + 5):
        bounded_put(kept, number, number)
    assert len(kept) == KEPT
    assert KEPT + 4 in kept


@pytest.mark.parametrize(
    ("status", "headers", "error", "reason"),
    [
        (503, {}, Transient, Reason.SERVER_ERROR),
        (429, {"Retry-After": "7"}, Transient, Reason.THROTTLED),
        (401, {}, Fatal, Reason.CREDENTIALS),
        (403, {}, Fatal, Reason.CREDENTIALS),
        (302, {"Location": "http://169.254.169.254/"}, Fatal, Reason.CONFIG),
    ],
)
def test_a_registry_that_does_not_help_costs_no_record(
    registry: Registry, status: int, headers: dict[str, str], error: type[Any], reason: Reason
) -> None:
    value = avro_value(registry)
    registry.status, registry.headers = status, headers
    found = decoder(registry)
    with pytest.raises(error, match="registry") as caught:
        decoded(found, [value])
    assert caught.value.reason is reason
    assert len(registry.asked) == 1
    if status == 429:
        assert caught.value.retry_after_s == 7.0
    registry.status = 200
    assert_is_the_event(decoded(found, [value]))


def test_a_registry_that_is_not_there_holds_the_batch() -> None:
    found = decoder(Registry(url="http://127.0.0.1:1"))
    with pytest.raises(Transient, match="registry") as caught:
        decoded(found, [framed(1, b"")])
    assert caught.value.reason is Reason.UNREACHABLE


def test_a_server_that_is_no_registry_is_told(registry: Registry) -> None:
    found = decoder(Registry(url=f"{registry.url}/elsewhere"))
    registry.status = 404
    registry.answer = lambda *_: (404, {})  # type: ignore[method-assign]
    registry.status = 200
    with pytest.raises(Fatal, match=r"registry\.url.*no schema registry"):
        decoded(found, [framed(1, b"")])


def test_credentials_come_from_files_and_show_nowhere(registry: Registry, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    value = avro_value(registry)
    registry.authorization = f"Basic {base64.b64encode(b'watch:s3cret').decode()}"
    found = decoder(registry, user="watch", password_file=str(secret))
    assert_is_the_event(decoded(found, [value]))
    registry.authorization = "Bearer s3cret"
    found = decoder(registry, token_file=str(secret))
    assert_is_the_event(decoded(found, [value]))
    secret.write_text("another")
    with pytest.raises(Fatal) as caught:
        decoded(found, [framed(9, b"")])
    assert caught.value.reason is Reason.CREDENTIALS
    assert "another" not in f"{caught.value!r}"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kafka": {"format": "avro"}}, "registry.url"),
        ({"kafka": {"format": "native", "fields": {"ip": "a"}}}, "kafka.fields"),
        ({"kafka": {"format": "avro", "fields": {"address": "a"}}}, "kafka.fields.address"),
        ({"kafka": {"format": "avro", "key_field": "a", "fields": {"key_id": "a"}}}, "are the same"),
        ({"registry": {"url": "ftp://x"}, "kafka": {"format": "avro"}}, "registry.url"),
        ({"registry": {"url": "https://u:p@x"}, "kafka": {"format": "avro"}}, "registry.url"),
        ({"registry": {"user": "u"}, "kafka": {"format": "avro"}}, "go together"),
        ({"registry": {"user": "u", "token_file": "t"}, "kafka": {"format": "avro"}}, "keep one"),
    ],
)
def test_config_check_refuses_settings_that_cannot_be(tmp_path: Path, settings: Any, words: str) -> None:
    if (
        "url" not in settings.get("registry", {"url": ""})
        or words.startswith("kafka.fields.")
        or "same" in words
    ):
        settings = settings | {"registry": settings.get("registry", {}) | {"url": "http://registry:8081"}}
    path = tmp_path / "keywatch.yaml"
    path.write_bytes(msgspec.yaml.encode(settings))
    result = CliRunner().invoke(app, ["config", "check", "-c", str(path)])
    assert result.exit_code != 0
    assert words in " ".join(result.output.split())


def test_a_file_cannot_hold_binary_records(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"\0")
    result = CliRunner().invoke(app, ["replay", str(path), "--format", "avro"])
    assert result.exit_code != 0
    assert "--kafka" in result.output
