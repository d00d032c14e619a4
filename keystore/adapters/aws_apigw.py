"""Amazon API Gateway: ``UpdateApiKey`` with ``enabled``.

Key ids are API Gateway's own (``$context.identity.apiKeyId``). A key's value is never asked for.

https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateApiKey.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from domain.ports import Capabilities, Granularity, KeyState
from keystore.adapters.aws import Aws
from keystore.adapters.vendor import Found, Order

PROPAGATION_S: Final = 60.0
"""Not documented; people measure about 10 s (repost.aws), so this is cautious."""


class AwsApiGateway:
    """``gateway`` is boto3's client for ``apigateway``; its role needs GET and PATCH on ``/apikeys/*``."""

    name = "AWS API Gateway"
    setting = "keystore.aws_apigw"
    capabilities = Capabilities(True, Granularity.KEY, PROPAGATION_S)

    def __init__(self, gateway: Any, aws: Aws) -> None:
        self._gateway = gateway
        self._aws = aws

    def read(self, key_id: str) -> Found:
        key = self._aws.call(lambda: self._gateway.get_api_key(apiKey=key_id, includeValue=False))
        state = KeyState.ACTIVE if key.get("enabled") else KeyState.SUSPENDED
        return Found(key_id, state, tenant=key.get("customerId") or "", owner=key.get("name") or "")

    def stop(self, order: Order) -> None:
        self._set(order.found.key_id, "false")

    def start(self, order: Order) -> None:
        self._set(order.found.key_id, "true")

    def warnings(self) -> Sequence[str]:
        return []

    def _set(self, key_id: str, enabled: str) -> None:
        """The value is text: a boolean is refused."""
        change = [{"op": "replace", "path": "/enabled", "value": enabled}]
        self._aws.call(
            lambda: self._gateway.update_api_key(apiKey=key_id, patchOperations=change), write=True
        )
