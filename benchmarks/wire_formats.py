"""Cost of decoding by wire format: ``python -m benchmarks.wire_formats [--events N] [--rounds N]``.

The same events as native JSON, as Avro and as Protobuf in Confluent's framing, decoded to columns in batches
as large as a poll; in turn, ``rounds`` times, and the median of each is shown. Their schemas are at hand, as
they are after the first record. Figures compare only within one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any, Final

import numpy as np

from benchmarks.fleet import fleet_events
from monitor.decode import Mapped, decoder_for
from monitor.decode.base import Decoder, Limits
from monitor.registry.base import Schema, SchemaId
from monitor.source.settings import POLL_RECORDS
from tests.schemas import AVRO, avro_payload, framed, proto_file, schema_text, serialized, usage_message

KEPT: Final = ("ts", "key_id", "ip", "method", "endpoint", "status", "bytes_out", "user_agent")
SCHEMAS: Final = {
    "avro": Schema("AVRO", schema_text(AVRO)),
    "protobuf": Schema("PROTOBUF", serialized(proto_file())),
}


class _AtHand:
    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def schema(self, schema_id: SchemaId) -> Schema:
        del schema_id
        return self._schema


def encoded(events: list[dict[str, Any]]) -> dict[str, list[bytes]]:
    """The same events in each format."""
    return {
        "native": [json.dumps(event).encode() for event in events],
        "avro": [framed(1, avro_payload(AVRO, event)) for event in events],
        "protobuf": [framed(1, b"\x02\x02" + usage_message(event).SerializeToString()) for event in events],
    }


def _decoder(name: str) -> Decoder:
    return decoder_for(name, Limits(), mapped=Mapped(schemas=lambda kind: _AtHand(SCHEMAS[kind])))


def seconds(decoder: Decoder, values: list[bytes]) -> float:
    """To decode all, batch by batch."""
    began = time.perf_counter()
    for at in range(0, len(values), POLL_RECORDS):
        batch = values[at : at + POLL_RECORDS]
        found = decoder.decode(batch, np.arange(len(batch)))
        if found.rejects:
            raise RuntimeError(f"not an event: {found.rejects[0]}")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    events = [json.loads(line) for line in fleet_events(wanted.events)]
    values = encoded([{name: event[name] for name in KEPT} for event in events])
    decoders = {name: _decoder(name) for name in values}
    taken: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(wanted.rounds):
        for name, found in taken.items():
            found.append(seconds(decoders[name], values[name]))
    native = statistics.median(taken["native"])
    for name, found in taken.items():
        cost, size = statistics.median(found), statistics.mean(map(len, values[name]))
        each = cost / wanted.events * 1e6
        print(f"{name:9} {each:5.2f} us an event, {cost / native:.2f} x native, {size:.0f} bytes a record")


if __name__ == "__main__":
    main()
