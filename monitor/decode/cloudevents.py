"""``cloudevents+FORMAT``: a CloudEvent whose data is a record of FORMAT.

Structured mode when the header content-type is ``application/cloudevents*``, else binary mode when there are
``ce_*`` headers. A file has no headers: its lines are structured. The time is the data's own: it is when the
request was made, the envelope's is when somebody told of it. keywatch fences on Kafka's offsets and keeps
no event ids, so ``source`` and ``id`` are not read.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import msgspec

from domain.errors import Reason, Rejected
from monitor.decode.base import Decoded, Decoder, Offsets, Reject
from monitor.source.base import Headers

PREFIX: Final = "cloudevents+"
STRUCTURED: Final = b"application/cloudevents"


class _Envelope(msgspec.Struct):
    specversion: str
    data: msgspec.Raw = msgspec.Raw()
    data_base64: str | None = None


_envelope: Final = msgspec.json.Decoder(_Envelope)
_text: Final = msgspec.json.Decoder(str)


class CloudEventsDecoder:
    """Takes the data out of each record and gives it to the decoder of its format."""

    def __init__(self, inner: Decoder, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    def decode(
        self, values: Sequence[bytes | None], offsets: Offsets, headers: Sequence[Headers] | None = None
    ) -> Decoded:
        rejects: list[Reject] = []
        data: list[bytes | None] = []
        for row, value in enumerate(values):
            try:
                data.append(value and self._data(value, headers[row] if headers is not None else ()))
            except Rejected as error:
                rejects.append(Reject(row, int(offsets[row]), error.reason, str(error)))
                data.append(None)
        found = self._inner.decode(data, offsets, headers)
        if not rejects:
            return found
        return Decoded(found.columns, sorted(rejects + found.rejects, key=lambda reject: reject.row))

    def _data(self, value: bytes, headers: Headers) -> bytes:
        if len(value) > self._max_bytes or _is_binary(headers):
            return value
        try:
            return _unwrapped(_envelope.decode(value))
        except msgspec.ValidationError as error:
            raise Rejected(Reason.WRONG_TYPE, f"not a CloudEvent: {error}") from None
        except RecursionError:
            raise Rejected(Reason.TOO_DEEP, "nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Rejected(Reason.NOT_JSON, "not valid JSON") from None


def _is_binary(headers: Headers) -> bool:
    """Whether the attributes are headers and the value is the data alone."""
    attributes = False
    for name, value in headers:
        if name.lower() == "content-type" and (value or b"").lower().startswith(STRUCTURED):
            return False
        attributes = attributes or name.startswith("ce_")
    return attributes


def _unwrapped(envelope: _Envelope) -> bytes:
    """The data: JSON as it is, text without its quotes, bytes out of base64."""
    if envelope.data_base64 is not None:
        try:
            return base64.b64decode(envelope.data_base64, validate=True)
        except (binascii.Error, ValueError):
            raise Rejected(Reason.WRONG_TYPE, "data_base64 is not base64") from None
    data = bytes(envelope.data).strip()
    if not data:
        raise Rejected(Reason.WRONG_TYPE, "the CloudEvent has no data")
    return _text.decode(data).encode() if data.startswith(b'"') else data
