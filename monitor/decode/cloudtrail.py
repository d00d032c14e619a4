"""``cloudtrail``: an AWS CloudTrail record, or a file of them under ``Records``.

Field map: key id = userIdentity.accessKeyId, endpoint = eventSource:eventName, ip = sourceIPAddress
(which may be a service name), tenant = recipientAccountId, status from errorCode (none = success).
Calls that AWS services make without an access key are kept under the principal's or service's name.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from domain.event import UNKNOWN, UsageEvent
from monitor.decode.loose import decoded

_STATUS: Final = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "Client.UnauthorizedOperation": 403,
    "UnauthorizedOperation": 403,
    "UnauthorizedAccess": 403,
    "ThrottlingException": 429,
    "Throttling": 429,
    "RequestLimitExceeded": 429,
    "Client.RequestLimitExceeded": 429,
}


class _Identity(msgspec.Struct):
    type: str = ""
    principalId: str = ""  # noqa: N815
    accessKeyId: str = ""  # noqa: N815
    invokedBy: str = ""  # noqa: N815
    accountId: str = ""  # noqa: N815


class _Record(msgspec.Struct):
    eventTime: str  # noqa: N815
    eventName: str  # noqa: N815
    eventSource: str = ""  # noqa: N815
    userIdentity: _Identity | None = None  # noqa: N815
    sourceIPAddress: str = ""  # noqa: N815
    userAgent: str | None = None  # noqa: N815
    errorCode: str | None = None  # noqa: N815
    readOnly: bool | str | None = None  # noqa: N815
    eventID: str | None = None  # noqa: N815
    recipientAccountId: str | None = None  # noqa: N815
    additionalEventData: dict[str, Any] | None = None  # noqa: N815


class _File(msgspec.Struct):
    Records: list[_Record] | None = None


_file: Final = msgspec.json.Decoder(_File)
_record: Final = msgspec.json.Decoder(_Record)


def parse(value: bytes) -> list[UsageEvent]:
    """One record or a ``Records`` file."""
    records = decoded(_file, value).Records if b'"Records"' in value[:200] else None
    return [_event(record) for record in (records if records is not None else [decoded(_record, value)])]


def _event(record: _Record) -> UsageEvent:
    extra = record.additionalEventData or {}
    return UsageEvent(
        ts=record.eventTime,
        key_id=_key_id(record.userIdentity or _Identity()),
        ip=record.sourceIPAddress,
        method="GET" if record.readOnly in (True, "true") else "POST",
        endpoint=f"{record.eventSource}:{record.eventName}",
        status=status_of(record.errorCode),
        event_id=record.eventID,
        bytes_in=_size(extra.get("bytesTransferredIn")),
        bytes_out=_size(extra.get("bytesTransferredOut")),
        user_agent=(record.userAgent or "").strip("[]"),
        tenant=record.recipientAccountId,
    )


def _key_id(identity: _Identity) -> str:
    named = identity.accessKeyId or identity.principalId or identity.invokedBy or identity.accountId
    return named if identity.accessKeyId else f"{identity.type or 'service'}:{named or 'unknown'}"


def status_of(error: str | None) -> int:
    """The HTTP status that fits an AWS error code; none is success."""
    if not error:
        return 200
    if error in _STATUS:
        return _STATUS[error]
    return 404 if "NotFound" in error or error.startswith("NoSuch") else 400


def _size(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and value > UNKNOWN else None
