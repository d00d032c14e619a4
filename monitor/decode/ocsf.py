"""``ocsf``: API Activity (class 6003) of the Open Cybersecurity Schema Framework.

Field map: key id = api.token.uid, else actor.user.credential_uid; ip = src_endpoint.ip, time in ms,
endpoint = http_request.url.path, else api.service.name:api.operation; tenant = cloud.account.uid, else
actor.user.account.uid. Source: https://schema.ocsf.io/1.3.0/classes/api_activity
"""

from __future__ import annotations

from typing import Final

import msgspec

from domain.errors import Reason, Rejected
from domain.event import UNKNOWN, UsageEvent
from monitor.decode.cloudtrail import status_of
from monitor.decode.loose import decoded, path

API_ACTIVITY: Final = 6003
_METHODS: Final = {1: "POST", 2: "GET", 3: "PUT", 4: "DELETE"}
"""activity_id: create, read, update, delete."""
_STATUS: Final = {1: 200, 2: 400}
"""status_id: success, failure."""


class _Named(msgspec.Struct):
    uid: str | None = None
    name: str | None = None


class _User(msgspec.Struct):
    credential_uid: str | None = None
    account: _Named | None = None


class _Actor(msgspec.Struct):
    user: _User | None = None


class _Cloud(msgspec.Struct):
    account: _Named | None = None


class _Response(msgspec.Struct):
    code: int | None = None
    error: str | None = None


class _Api(msgspec.Struct):
    operation: str | None = None
    service: _Named | None = None
    token: _Named | None = None
    response: _Response | None = None


class _Endpoint(msgspec.Struct):
    ip: str | None = None
    svc_name: str | None = None
    domain: str | None = None


class _Url(msgspec.Struct):
    path: str | None = None


class _HttpRequest(msgspec.Struct):
    http_method: str | None = None
    user_agent: str | None = None
    url: _Url | None = None


class _Traffic(msgspec.Struct):
    bytes_in: int | None = None
    bytes_out: int | None = None


class _Activity(msgspec.Struct):
    class_uid: int
    time: int
    activity_id: int = 0
    status_id: int = 0
    duration: float | None = None
    actor: _Actor | None = None
    api: _Api = msgspec.field(default_factory=_Api)
    cloud: _Cloud | None = None
    src_endpoint: _Endpoint = msgspec.field(default_factory=_Endpoint)
    http_request: _HttpRequest = msgspec.field(default_factory=_HttpRequest)
    http_response: _Response | None = None
    traffic: _Traffic = msgspec.field(default_factory=_Traffic)


_decoder: Final = msgspec.json.Decoder(_Activity)


def parse(value: bytes) -> tuple[UsageEvent]:
    """One activity. Raises ``Rejected`` for another class and for one without a credential."""
    activity = decoded(_decoder, value)
    if activity.class_uid != API_ACTIVITY:
        raise Rejected(Reason.WRONG_TYPE, f"class_uid is {activity.class_uid}, not {API_ACTIVITY}")
    request, source = activity.http_request, activity.src_endpoint
    return (
        UsageEvent(
            ts=activity.time,
            key_id=_key_id(activity),
            ip=source.ip or source.svc_name or source.domain or "",
            method=request.http_method or _METHODS.get(activity.activity_id, ""),
            endpoint=_endpoint(activity),
            status=_status(activity),
            bytes_in=activity.traffic.bytes_in,
            bytes_out=activity.traffic.bytes_out,
            latency_ms=activity.duration,
            user_agent=request.user_agent,
            tenant=_tenant(activity),
        ),
    )


def _key_id(activity: _Activity) -> str:
    token, user = activity.api.token, _user(activity)
    found = (token and token.uid) or user.credential_uid
    if not found:
        raise Rejected(Reason.MISSING_KEY_ID, "there is neither api.token.uid nor actor.user.credential_uid")
    return found


def _user(activity: _Activity) -> _User:
    return (activity.actor and activity.actor.user) or _User()


def _endpoint(activity: _Activity) -> str:
    url, api = activity.http_request.url, activity.api
    if url and url.path:
        return path(url.path)
    service = (api.service and api.service.name) or ""
    return f"{service}:{api.operation or ''}"


def _status(activity: _Activity) -> int:
    for response in (activity.http_response, activity.api.response):
        if response and response.code:
            return response.code
        if response and response.error:
            return status_of(response.error)
    return _STATUS.get(activity.status_id, UNKNOWN)


def _tenant(activity: _Activity) -> str:
    account = (activity.cloud and activity.cloud.account) or _user(activity).account
    return (account and account.uid) or ""
