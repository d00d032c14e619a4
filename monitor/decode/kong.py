"""``kong``: what Kong's http-log, kafka-log and file-log plugins write, one object or an array of them.

Field map: key id = authenticated_entity.id (the credential), else consumer.id; ip = client_ip, time =
started_at, tenant = consumer.custom_id, username or id. Of the headers only User-Agent is read, and the
query is cut off: both may hold the key in clear. A request without a key gives no event.
Source: https://developer.konghq.com/plugins/http-log/#log-format
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from domain.event import UsageEvent
from monitor.decode.loose import Loose, decoded, number, path, status, text, time_ms, whole


class _Headers(msgspec.Struct, rename={"user_agent": "user-agent"}):
    user_agent: Any = None


class _Request(msgspec.Struct):
    method: str | None = None
    uri: str | None = None
    size: Loose = None
    headers: _Headers | None = None


class _Response(msgspec.Struct):
    status: Loose = None
    size: Loose = None


class _Latencies(msgspec.Struct):
    request: Loose = None


class _Credential(msgspec.Struct):
    id: str | None = None


class _Consumer(msgspec.Struct):
    id: str | None = None
    username: str | None = None
    custom_id: str | None = None


class _Record(msgspec.Struct):
    started_at: int | float
    client_ip: str | None = None
    request: _Request | None = None
    response: _Response | None = None
    latencies: _Latencies | None = None
    authenticated_entity: _Credential | None = None
    consumer: _Consumer | None = None


_one: Final = msgspec.json.Decoder(_Record)
_many: Final = msgspec.json.Decoder(list[_Record])
_NO_REQUEST: Final = _Request()
_NO_HEADERS: Final = _Headers()
_NO_RESPONSE: Final = _Response()


def parse(value: bytes) -> list[UsageEvent]:
    """The requests of a record that were made with a key."""
    records = decoded(_many, value) if value.lstrip()[:1] == b"[" else [decoded(_one, value)]
    return [_event(record, key_id) for record in records if (key_id := _key_id(record))]


def _key_id(record: _Record) -> str:
    credential, consumer = record.authenticated_entity, record.consumer
    return (credential and credential.id) or (consumer and consumer.id) or ""


def _event(record: _Record, key_id: str) -> UsageEvent:
    request, response = record.request or _NO_REQUEST, record.response or _NO_RESPONSE
    return UsageEvent(
        ts=time_ms(record.started_at),
        key_id=key_id,
        ip=record.client_ip or "",
        method=request.method or "",
        endpoint=path(request.uri or ""),
        status=status(response.status),
        bytes_in=whole(request.size),
        bytes_out=whole(response.size),
        latency_ms=number(record.latencies.request) if record.latencies else None,
        user_agent=text((request.headers or _NO_HEADERS).user_agent),
        tenant=_tenant(record.consumer),
    )


def _tenant(consumer: _Consumer | None) -> str:
    return (consumer and (consumer.custom_id or consumer.username or consumer.id)) or ""
