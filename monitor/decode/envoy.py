"""``envoy``: Envoy's JSON access log under the names Istio gives its fields; the key id in one of one's own.

Field map: ip = client_ip, else downstream_remote_address (its port is cut off); time = start_time; latency =
duration. ``-`` and null mean unset: a request whose key field is unset had no key and gives no event.
Sources: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage and
https://istio.io/latest/docs/tasks/observability/logs/access-log/
"""

from __future__ import annotations

from collections.abc import Callable

from domain.errors import Reason, Rejected
from domain.event import UsageEvent
from monitor.decode.keyed import KeyedLine, parser_of
from monitor.decode.loose import Loose, host, number, path, status, text, whole


class _Line(KeyedLine):
    start_time: Loose = None
    client_ip: Loose = None
    downstream_remote_address: Loose = None
    method: Loose = None
    path: Loose = None
    response_code: Loose = None
    bytes_received: Loose = None
    bytes_sent: Loose = None
    duration: Loose = None
    user_agent: Loose = None
    tenant: Loose = None


def parser(key_field: str = "") -> Callable[[bytes], list[UsageEvent]]:
    """Reads the key id from ``key_field``, ``key_id`` when empty."""
    return parser_of(_Line, _event, key_field)


def _event(line: _Line, key_id: str) -> UsageEvent:
    return UsageEvent(
        ts=_time(line.start_time),
        key_id=key_id,
        ip=host(text(line.client_ip) or text(line.downstream_remote_address)),
        method=text(line.method),
        endpoint=path(text(line.path)),
        status=status(line.response_code),
        bytes_in=whole(line.bytes_received),
        bytes_out=whole(line.bytes_sent),
        latency_ms=number(line.duration),
        user_agent=text(line.user_agent),
        tenant=text(line.tenant),
    )


def _time(value: Loose) -> str | int | float:
    """RFC 3339 as %START_TIME% gives it, or a number by its own format (%START_TIME(%s.%3f)%)."""
    if not value:
        raise Rejected(Reason.BAD_TIMESTAMP, "start_time is missing")
    found = number(value)
    return value if found is None else found
