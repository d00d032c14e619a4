"""``nginx``: a JSON access log (``log_format ... escape=json``) whose names are NGINX's variables.

Field map: ip = remote_addr, time = msec, else time_iso8601; endpoint = request_uri or uri, latency =
request_time (seconds). Values may be quoted or not. A request whose key field is empty had no key and
gives no event.
Source: https://nginx.org/en/docs/http/ngx_http_log_module.html
"""

from __future__ import annotations

from collections.abc import Callable

from domain.errors import Reason, Rejected
from domain.event import UsageEvent
from monitor.decode.keyed import KeyedLine, parser_of
from monitor.decode.loose import Loose, number, path, status, text, time_ms, whole


class _Line(KeyedLine):
    msec: Loose = None
    time_iso8601: str | None = None
    remote_addr: Loose = None
    request_method: Loose = None
    request_uri: Loose = None
    uri: Loose = None
    status: Loose = None
    request_length: Loose = None
    bytes_sent: Loose = None
    body_bytes_sent: Loose = None
    request_time: Loose = None
    http_user_agent: Loose = None
    tenant: Loose = None


def parser(key_field: str = "") -> Callable[[bytes], list[UsageEvent]]:
    """Reads the key id from ``key_field``, ``key_id`` when empty."""
    return parser_of(_Line, _event, key_field)


def _event(line: _Line, key_id: str) -> UsageEvent:
    seconds = number(line.request_time)
    return UsageEvent(
        ts=_time(line),
        key_id=key_id,
        ip=text(line.remote_addr),
        method=text(line.request_method),
        endpoint=path(text(line.request_uri) or text(line.uri)),
        status=status(line.status),
        bytes_in=whole(line.request_length),
        bytes_out=whole(line.bytes_sent or line.body_bytes_sent),
        latency_ms=None if seconds is None else seconds * 1000,
        user_agent=text(line.http_user_agent),
        tenant=text(line.tenant),
    )


def _time(line: _Line) -> str | int:
    if text(line.msec):
        return time_ms(line.msec, 1000)
    if not line.time_iso8601:
        raise Rejected(Reason.BAD_TIMESTAMP, "there is neither msec nor time_iso8601")
    return line.time_iso8601
