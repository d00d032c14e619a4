"""AWS IAM: ``UpdateAccessKey`` of a user's long-lived key.

``UserName`` is always sent: without it AWS changes the caller's own key. Who the user is, AWS tells from
the key's id. Temporary keys (``ASIA...``) belong to a session and cannot be stopped here.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from domain.errors import Reason, Refused
from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.aws import AccessDenied, Aws
from keystore.adapters.vendor import Found, Order

PROPAGATION_S: Final = 60.0
"""IAM is eventually consistent; AWS gives no figure, people see seconds, so this is cautious."""
_LONG_LIVED: Final = re.compile(r"AKIA[A-Z0-9]{12,124}")
_STATES: Final = {"Active": KeyState.ACTIVE, "Inactive": KeyState.SUSPENDED, "Expired": KeyState.EXPIRED}


class AwsIam:
    """``iam`` is boto3's client for ``iam``; key ids are access key ids. ``own_key`` tells keywatch's own."""

    name = "AWS IAM"
    setting = "keystore.aws_iam"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, iam: Any, aws: Aws, own_key: Callable[[], str]) -> None:
        self._iam = iam
        self._aws = aws
        self._own_key = own_key

    def read(self, key_id: str) -> Found:
        user = self._user_of(key_id)
        keys = self._aws.call(lambda: self._iam.list_access_keys(UserName=user))["AccessKeyMetadata"]
        for key in keys:
            if key["AccessKeyId"] == key_id:
                return Found(key_id, _STATES.get(key["Status"], KeyState.SUSPENDED), owner=user)
        raise Refused(Reason.NOT_FOUND, f"IAM user {user!r} has no access key {key_id!r} any more")

    def stop(self, order: Order) -> None:
        if self._own_key() == order.found.key_id:
            raise Refused(Reason.PROTECTED_KEY, "this is the access key that keywatch itself uses")
        self._set(order.found, "Inactive")

    def start(self, order: Order) -> None:
        self._set(order.found, "Active")

    def warnings(self) -> Sequence[str]:
        return []

    def _set(self, found: Found, status: str) -> None:
        change = {"UserName": found.owner, "AccessKeyId": found.key_id, "Status": status}
        self._aws.call(lambda: self._iam.update_access_key(**change), write=True)

    def _user_of(self, key_id: str) -> str:
        if not _LONG_LIVED.fullmatch(key_id):
            raise Refused(
                Reason.NOT_FOUND,
                f"{key_id!r} is no long-lived access key (AKIA...): a temporary one ends with its session",
            )
        try:
            found = self._aws.call(lambda: self._iam.get_access_key_last_used(AccessKeyId=key_id))
        except AccessDenied:  # also AWS's answer for a key that is of no user in this account
            raise Refused(
                Reason.NOT_FOUND,
                f"no user of this account has access key {key_id!r}, or keywatch's role lacks "
                "iam:GetAccessKeyLastUsed: AWS answers the same to both",
            ) from None
        if not found.get("UserName"):  # sent without it, a change would be to our own key
            raise Refused(Reason.NOT_FOUND, f"access key {key_id!r} is of no IAM user")
        return str(found["UserName"])
