"""How findings and window names are written in the store."""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from domain.finding import Finding

SAMPLES_KEPT: Final = 4096
"""Feature rows kept a partition for training; 8 partitions give the forest 32 k."""

_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(Finding)


def encode_finding(finding: Finding) -> bytes:
    """JSON with a fixed order of fields, so that equal findings are equal bytes."""
    return _encoder.encode(finding)


def decode_finding(raw: bytes) -> Finding:
    """Inverse of :func:`encode_finding`."""
    return _decoder.decode(raw)


def window_field(minute: int, key_id: str) -> bytes:
    """The hash field of an open window: four bytes of minute, then the key id."""
    return struct.pack(">i", minute) + key_id.encode()


def parse_window_field(raw: bytes) -> tuple[int, str]:
    """Inverse of :func:`window_field`."""
    return struct.unpack(">i", raw[:4])[0], raw[4:].decode()
