"""Whatever a record holds, it is an event or a reject with a reason, and its neighbours are not touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.endpoint import template
from domain.errors import Reason
from monitor.config import Config
from monitor.decode import FORMATS, KEYED, decoder_for
from monitor.decode.base import Limits
from monitor.wiring import enricher_for

GOOD = {"ts": 1_780_272_000_000, "key_id": "key_1", "ip": "198.18.0.1", "endpoint": "/v1/items/1"}
ENRICHER = enricher_for(Config())
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
records = st.one_of(
    st.binary(max_size=60),
    values.map(lambda v: json.dumps(v).encode()),
    st.dictionaries(st.sampled_from([*GOOD, "status", "bytes_out", "lat", "asn"]), values).map(
        lambda odd: json.dumps(GOOD | odd).encode()
    ),
)


def decoded(wire_format: str, raw: list[bytes | None]) -> Any:
    return decoder_for(wire_format, Limits()).decode(raw, np.arange(len(raw)))


ALL = [*FORMATS, *KEYED]


@pytest.mark.parametrize("wire_format", [*ALL, "cloudevents+native", "cloudevents+combined"])
@given(raw=st.lists(records, max_size=4))
def test_no_record_raises_and_every_record_is_an_event_or_a_reject(
    wire_format: str, raw: list[bytes]
) -> None:
    found = decoded(wire_format, list(raw))
    ENRICHER.enrich(found.columns)
    told = set(found.columns.offset.tolist()) | {reject.offset for reject in found.rejects}
    if wire_format == "native":
        assert told == set(range(len(raw)))
    assert told <= set(range(len(raw)))


SAMPLES = Path(__file__).parents[1] / "unit" / "decode_samples"
SAMPLE = {path.stem: json.loads(path.read_bytes().splitlines()[0]) for path in SAMPLES.glob("*.jsonl")}


@st.composite
def spoilt(draw: st.DrawFn, wire_format: str) -> bytes:
    """A recorded sample of which one field, at any depth, is something else or gone."""
    record = json.loads(json.dumps(SAMPLE[wire_format]))
    place, name = record, draw(st.sampled_from(sorted(record)))
    while isinstance(place[name], dict) and place[name] and draw(st.booleans()):
        place = place[name]
        name = draw(st.sampled_from(sorted(place)))
    if draw(st.booleans()):
        place[name] = draw(values)
    else:
        del place[name]
    return json.dumps(record).encode()


@pytest.mark.parametrize("wire_format", sorted(SAMPLE))
@settings(max_examples=40)
@given(data=st.data())
def test_a_sample_with_one_field_spoilt_costs_no_neighbour(wire_format: str, data: st.DataObject) -> None:
    good = json.dumps(SAMPLE[wire_format]).encode()
    bad = data.draw(st.lists(spoilt(wire_format), max_size=3))
    found = decoded(wire_format, [good, *bad, good])
    ENRICHER.enrich(found.columns)
    offsets = found.columns.offset.tolist()
    assert (offsets[0], offsets[-1]) == (0, len(bad) + 1)
    assert not {reject.offset for reject in found.rejects} & set(offsets)


@given(bad=st.lists(records, max_size=3))
def test_a_bad_record_never_costs_its_neighbours(bad: list[bytes]) -> None:
    good = json.dumps(GOOD).encode()
    found = decoded("native", [good, *bad, good])
    assert {0, len(bad) + 1} <= set(found.columns.offset.tolist())


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"key_id": ""}, Reason.MISSING_KEY_ID),
        ({"key_id": "k" * 300}, Reason.BAD_KEY_ID),
        ({"ts": "yesterday"}, Reason.BAD_TIMESTAMP),
        ({"ts": 1}, Reason.BAD_TIMESTAMP),
        ({"status": "ok"}, Reason.WRONG_TYPE),
        ({"bytes_out": -5}, Reason.WRONG_TYPE),
        ({"lat": 91.0}, Reason.WRONG_TYPE),
    ],
)
def test_each_kind_of_bad_record_has_its_reason(odd: dict[str, Any], reason: Reason) -> None:
    found = decoded("native", [json.dumps(GOOD | odd).encode()])
    assert [reject.reason for reject in found.rejects] == [reason]


def test_what_is_not_json_too_large_or_too_deep_has_its_reason() -> None:
    deep = b'{"key_id":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    found = decoded(
        "native", [b"{", b'"' + b"x" * (1 << 20) + b'"', deep, b'{"ts":1780272000000}', b'{"a":NaN}']
    )
    assert len(found.rejects) == 5
    assert found.rejects[0].reason is Reason.NOT_JSON
    assert found.rejects[1].reason is Reason.TOO_LARGE
    assert found.rejects[3].reason is Reason.MISSING_KEY_ID


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/v1/users/42", "/v1/users/{id}"),
        ("/files/9f86d081884c7d65?x=1", "/files/{id}"),
        ("/o/123e4567-e89b-12d3-a456-426614174000/rows", "/o/{id}/rows"),
        ("/v2/health", "/v2/health"),
    ],
)
def test_ids_fold_into_templates(path: str, folded: str) -> None:
    assert template(path) == folded


@pytest.mark.parametrize(
    "ip", ["AWS Internal", "10.0.0.1", "999.1.1.1", "", "s3.amazonaws.com", "::1", "fe80::1%e0"]
)
def test_odd_addresses_are_kept_and_never_crash(ip: str) -> None:
    found = decoded("native", [json.dumps(GOOD | {"ip": ip}).encode()])
    assert len(ENRICHER.enrich(found.columns)) == 1
    assert not found.rejects
