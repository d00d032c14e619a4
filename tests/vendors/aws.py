"""AWS as moto plays it, behind a real port, so that its requests are seen and its answers can be lost.

Schemas as in botocore's service models (iam/2010-05-08, apigateway/2015-07-09). moto takes an UpdateAccessKey
without UserName; AWS would change the caller's own key, so here it is a violation.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.backends import get_backend
from moto.core.botocore_stubber import BotocoreStubber

from tests.vendors.server import Call, Reply, Request, VendorServer, closed

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"
IAM: Final = "https://docs.aws.amazon.com/IAM/latest/APIReference"
GATEWAY: Final = "https://docs.aws.amazon.com/apigateway/latest/api"
VERSION: Final = {"const": "2010-05-08"}
KEY_ID: Final = {"type": "string", "minLength": 16, "maxLength": 128}
USER: Final = {"type": "string", "minLength": 1}
SWITCH: Final = closed(op={"const": "replace"}, path={"const": "/enabled"}, value={"enum": ["true", "false"]})
SIGNED: Final = {"Authorization": r"AWS4-HMAC-SHA256 Credential=AKIA[A-Z0-9]+/\S+, .*"}


def action(name: str, *, write: bool = False, **body: Any) -> Call:
    """A call of IAM's query protocol."""
    return Call(
        name,
        "POST",
        "/",
        f"{IAM}/API_{name}.html",
        write=write,
        headers=SIGNED,
        when=lambda request: request.body["Action"] == name,
        body=closed(Action={"const": name}, Version=VERSION, **body),
    )


class AwsServer(VendorServer):
    """Answers through moto; refusals in AWS's own words."""

    host: str
    knows = True

    def authorised(self, request: Request) -> bool:
        return self.knows

    def settings(self, directory: Path) -> dict[str, Any]:
        """The credential is in the environment, so a stranger is one whom AWS does not know any more."""
        self.knows = self.secrets[0] == "credential-s3cret"
        return {"region": REGION, "endpoint_url": self.url}

    def answer(self, call: Call, parameters: Mapping[str, str], request: Request) -> Reply:
        url = f"https://{self.host}{request.path}?{urlencode(request.query)}".rstrip("?")
        headers = HTTPHeaders()
        for name, value in {**request.headers, "host": self.host}.items():
            headers[name] = value
        sent = AWSPreparedRequest(request.method, url, headers, request.raw, False)
        status, answered, body = BotocoreStubber().process_request(sent) or (404, {}, b"")
        raw = body.encode() if isinstance(body, str) else body
        kept = {n: str(v) for n, v in answered.items() if n.lower() not in ("content-length", "status")}
        return Reply(status, raw, kept)


class AwsIamServer(AwsServer):
    """Users with one access key each."""

    kind = "aws-iam"
    host = "iam.amazonaws.com"
    calls = (
        action("GetAccessKeyLastUsed", AccessKeyId=KEY_ID),
        action("ListAccessKeys", UserName=USER),
        action(
            "UpdateAccessKey",
            write=True,
            UserName=USER,
            AccessKeyId=KEY_ID,
            Status={"enum": ["Active", "Inactive"]},
        ),
    )

    def error(self, status: int, what: str) -> Any:
        code = {401: "InvalidClientTokenId", 429: "Throttling", 503: "ServiceUnavailable"}.get(status, what)
        return (
            '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
            f"<Code>{code}</Code><Message>{what}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        ).encode()

    def denied(self) -> Reply:
        return Reply(403, self.error(401, "The security token included in the request is invalid."))

    def throttled(self) -> Reply:
        return Reply(400, self.error(429, "Rate exceeded"))

    def new_key(self) -> str:
        name = f"ops-{uuid.uuid4()}"
        _iam().create_user(REGION, name)
        return str(_iam().create_access_key(name).access_key_id)

    def turn(self, key_id: str, *, on: bool) -> None:
        self._key(key_id).status = "Active" if on else "Inactive"

    def end(self, key_id: str) -> None:
        _iam().delete_access_key(key_id, self._key(key_id).user_name)

    def stopped(self, key_id: str) -> bool:
        return bool(self._key(key_id).status != "Active")

    def record(self, key_id: str) -> Any:
        key = self._key(key_id)
        return copy.deepcopy((key.user_name, key.access_key_id, key.secret_access_key, key.status))

    def _key(self, key_id: str) -> Any:
        return next(k for k in _iam().get_all_access_keys_for_all_users() if k.access_key_id == key_id)


class AwsApiGatewayServer(AwsServer):
    """API keys with a switch."""

    kind = "aws-apigw"
    host = f"apigateway.{REGION}.amazonaws.com"
    calls = (
        Call(
            "GetApiKey",
            "GET",
            r"/apikeys/(?P<id>[^/]+)",
            f"{GATEWAY}/API_GetApiKey.html",
            headers=SIGNED,
            query=closed(includeValue={"const": "false"}),
        ),
        Call(
            "UpdateApiKey",
            "PATCH",
            r"/apikeys/(?P<id>[^/]+)",
            f"{GATEWAY}/API_UpdateApiKey.html",
            write=True,
            headers=SIGNED,
            body=closed(patchOperations={"type": "array", "items": SWITCH, "minItems": 1, "maxItems": 1}),
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.secrets.append("apikey-value-s3cret-0123456789")

    def error(self, status: int, what: str) -> Any:
        return {"message": what}

    def denied(self) -> Reply:
        headers = {"x-amzn-ErrorType": "UnrecognizedClientException"}
        return Reply(403, self.error(403, "The security token included in the request is invalid."), headers)

    def throttled(self) -> Reply:
        headers = {"x-amzn-ErrorType": "TooManyRequestsException", "Retry-After": "7"}
        return Reply(429, self.error(429, "Too Many Requests"), headers)

    def new_key(self) -> str:
        payload = {"name": "ops", "enabled": True, "value": f"{self.secrets[-1]}-{uuid.uuid4()}"}
        return str(_gateway().create_api_key(payload | {"customerId": "acme"}).id)

    def turn(self, key_id: str, *, on: bool) -> None:
        _gateway().get_api_key(key_id).enabled = on

    def end(self, key_id: str) -> None:
        _gateway().delete_api_key(key_id)

    def stopped(self, key_id: str) -> bool:
        return not _gateway().get_api_key(key_id).enabled

    def record(self, key_id: str) -> Any:
        return copy.deepcopy(_gateway().get_api_key(key_id).to_json())


def _iam() -> Any:
    return get_backend("iam")[ACCOUNT]["aws"]


def _gateway() -> Any:
    return get_backend("apigateway")[ACCOUNT][REGION]
