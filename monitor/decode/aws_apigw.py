"""``aws-apigw``: an API Gateway access log in JSON, under the names of AWS's own example.

Field map: key id = apiKeyId (or identity.apiKeyId as an object), never apiKey; ip = ip or sourceIp, time =
requestTimeEpoch, endpoint = path, else resourcePath, tenant = accountId. ``-`` means unset: a request
without a key gives no event.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from domain.errors import Fatal, Reason
from domain.event import UsageEvent
from monitor.decode.keyed import KeyedLine, decoder_of, key_of
from monitor.decode.loose import Loose, decoded, number, path, status, text, time_ms, whole

KEY_FIELD: Final = "apiKeyId"
SECRETS: Final = frozenset({"apiKey", "identity.apiKey"})


class _Identity(msgspec.Struct):
    apiKeyId: Loose | msgspec.UnsetType = msgspec.UNSET  # noqa: N815
    sourceIp: Loose = None  # noqa: N815
    userAgent: Loose = None  # noqa: N815


class _Line(KeyedLine):
    identity: _Identity | None = None
    requestTimeEpoch: Loose = None  # noqa: N815
    ip: Loose = None
    sourceIp: Loose = None  # noqa: N815
    httpMethod: Loose = None  # noqa: N815
    path: Loose = None
    resourcePath: Loose = None  # noqa: N815
    status: Loose = None
    responseLength: Loose = None  # noqa: N815
    responseLatency: Loose = None  # noqa: N815
    userAgent: Loose = None  # noqa: N815
    accountId: Loose = None  # noqa: N815


def parser(key_field: str = "") -> Callable[[bytes], list[UsageEvent]]:
    """Reads the key id from ``key_field``, ``apiKeyId`` when empty. ``Fatal`` for the key itself."""
    name = key_field or KEY_FIELD
    if name in SECRETS:
        raise Fatal(Reason.CONFIG, f"kafka.key_field: {name} is the key itself: log its id, apiKeyId")
    decoder = decoder_of(_Line, name)

    def parse(value: bytes) -> list[UsageEvent]:
        line = decoded(decoder, value)
        nested = msgspec.UNSET if line.identity is None else line.identity.apiKeyId
        key_id = key_of(line, name) if nested is msgspec.UNSET else text(nested)
        return [_event(line, key_id)] if key_id else []

    return parse


def _event(line: _Line, key_id: str) -> UsageEvent:
    identity = line.identity or _Identity()
    return UsageEvent(
        ts=time_ms(line.requestTimeEpoch),
        key_id=key_id,
        ip=text(identity.sourceIp) or text(line.ip) or text(line.sourceIp),
        method=text(line.httpMethod),
        endpoint=path(text(line.path) or text(line.resourcePath)),
        status=status(line.status),
        bytes_out=whole(line.responseLength),
        latency_ms=number(line.responseLatency),
        user_agent=text(identity.userAgent) or text(line.userAgent),
        tenant=text(line.accountId),
    )
