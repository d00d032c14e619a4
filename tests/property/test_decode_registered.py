"""Whatever bytes follow the framing, a record is an event or a reject, and its neighbours are not touched."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decode import Mapped, decoder_for
from monitor.decode.base import Decoded, Limits
from monitor.registry.base import Schema, SchemaId
from tests.schemas import (
    AVRO,
    EVENT,
    avro_payload,
    framed,
    proto_file,
    schema_text,
    serialized,
    usage_message,
)

SCHEMAS: Final = {
    "avro": Schema("AVRO", schema_text(AVRO)),
    "protobuf": Schema("PROTOBUF", serialized(proto_file())),
}
PAYLOADS: Final = {
    "avro": avro_payload(AVRO, EVENT),
    "protobuf": b"\x02\x02" + usage_message(EVENT).SerializeToString(),
}
FORMATS: Final = sorted(SCHEMAS)


class _Fixed:
    """One schema under every id."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def schema(self, schema_id: SchemaId) -> Schema:
        return self._schema


def decoded(wire_format: str, raw: list[bytes]) -> Decoded:
    mapped = Mapped(schemas=lambda name: _Fixed(SCHEMAS[name]))
    return decoder_for(wire_format, Limits(), mapped=mapped).decode(raw, np.arange(len(raw)))


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """Good bytes of which some are cut out, replaced or added."""
    at = draw(st.integers(0, len(good)))
    gone = draw(st.integers(0, 4))
    return good[:at] + draw(st.binary(max_size=6)) + good[at + gone :]


def assert_only_good_neighbours(wire_format: str, bad: list[bytes]) -> None:
    good = framed(1, PAYLOADS[wire_format])
    found = decoded(wire_format, [good, *bad, good])
    events, rejects = found.columns.offset.tolist(), [reject.offset for reject in found.rejects]
    assert sorted(events + rejects) == list(range(len(bad) + 2))
    assert {0, len(bad) + 1} <= set(events)


@pytest.mark.parametrize("wire_format", FORMATS)
@settings(deadline=None)
@given(bad=st.lists(st.binary(max_size=60), max_size=3))
def test_random_bytes_are_rejected_alone(wire_format: str, bad: list[bytes]) -> None:
    assert_only_good_neighbours(wire_format, bad)


@pytest.mark.parametrize("wire_format", FORMATS)
@settings(deadline=None)
@given(data=st.data())
def test_a_spoilt_record_costs_no_neighbour(wire_format: str, data: st.DataObject) -> None:
    payloads = data.draw(st.lists(spoilt(PAYLOADS[wire_format]), max_size=3))
    assert_only_good_neighbours(wire_format, [framed(7, payload) for payload in payloads])


@pytest.mark.parametrize("wire_format", FORMATS)
def test_the_payload_that_is_spoilt_fits(wire_format: str) -> None:
    assert len(decoded(wire_format, [framed(1, PAYLOADS[wire_format])]).columns) == 1
