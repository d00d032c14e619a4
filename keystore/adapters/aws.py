"""What AWS's errors mean, and how its clients are made. Needs the extra ``aws`` (boto3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import boto3
from botocore import exceptions
from botocore.config import Config

from domain.clock import Clock
from domain.errors import Fatal, KeywatchError, Reason, Refused, Transient
from keystore.adapters.patience import Patience, retry_after_s
from keystore.adapters.vendor import Overtaken

Result = TypeVar("Result")
CONNECT_S: Final = 3.0
READ_S: Final = 10.0

_THROTTLED: Final = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
_NOT_FOUND: Final = {"NoSuchEntity", "NotFoundException", "NoSuchEntityException"}
_NOT_AS_READ: Final = {"ConcurrentModification", "ConcurrentModificationException", "ConflictException"}
_DENIED: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_NEVER_SENT: Final = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ProxyConnectionError,
)
_NO_CREDENTIAL: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.UnauthorizedSSOTokenError,
)


class AccessDenied(Fatal):
    """AWS knows who we are, and we may not (``CREDENTIALS``)."""


def session(region: str) -> Any:
    """AWS's own credential chain: environment, profile, pod or instance role."""
    return boto3.session.Session(region_name=region or None)


def own_access_key(session: Any) -> str:
    """The id of the key that we sign with, "" if there is none; it must never be stopped."""
    credentials = session.get_credentials()
    return str(credentials.access_key) if credentials is not None else ""


def client(session: Any, service: str, endpoint_url: str) -> Any:
    """A client without retries of its own: those sleep long and repeat writes of unknown outcome."""
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=READ_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
        user_agent_extra="keywatch",
    )
    try:
        return session.client(service, config=config, endpoint_url=endpoint_url or None)
    except exceptions.BotoCoreError as error:
        raise Fatal(Reason.CONFIG, f"AWS: {error}: set region in the key store's settings") from error


class Aws:
    """Calls with bounded retries and errors in our words. ``name`` and ``setting`` are for messages."""

    def __init__(self, name: str, setting: str, patience: Patience, clock: Clock) -> None:
        self._name = name
        self._setting = setting
        self._patience = patience
        self._clock = clock

    def call(self, act: Callable[[], Result], *, write: bool = False) -> Result:
        """Raises as :class:`keystore.adapters.vendor.Vendor` says."""

        def once() -> Result:
            try:
                return act()
            except exceptions.ClientError as error:
                raise self._refused(error) from None
            except exceptions.ParamValidationError:
                raise Refused(Reason.NOT_FOUND, f"{self._name}: that is no key id") from None
            except _NO_CREDENTIAL as error:
                raise Fatal(
                    Reason.CREDENTIALS,
                    f"{self._name}: no credential ({type(error).__name__}): check the role",
                ) from None
            except _NEVER_SENT as error:
                raise Transient(
                    Reason.UNREACHABLE, f"cannot reach {self._name} ({type(error).__name__})"
                ) from None
            except (exceptions.HTTPClientError, exceptions.BotoCoreError) as error:
                raise Transient(
                    Reason.TIMEOUT,
                    f"{self._name} did not answer ({type(error).__name__}): the outcome is unknown",
                ) from None

        return self._patience.ask(once, write=write)

    def _refused(self, error: exceptions.ClientError) -> KeywatchError | Overtaken:
        code = str(error.response.get("Error", {}).get("Code", ""))
        meta = error.response.get("ResponseMetadata", {})
        status = int(meta.get("HTTPStatusCode", 0))
        said = f"{self._name} answered {code or status} to {error.operation_name}"
        if code in _THROTTLED or status == 429:
            header = meta.get("HTTPHeaders", {}).get("retry-after", "")
            return Transient(Reason.THROTTLED, said, retry_after_s(header, self._clock.now()))
        if status >= 500:
            return Transient(Reason.SERVER_ERROR, said)
        if code in _NOT_FOUND or status == 404:
            return Refused(Reason.NOT_FOUND, f"{said}: there is no such key")
        if code in _NOT_AS_READ or status == 409:
            return Overtaken(code)
        if status in (401, 403):
            kind = AccessDenied if code in _DENIED else Fatal
            return kind(Reason.CREDENTIALS, f"{said}: check the rights of keywatch's role ({self._setting})")
        return Refused(Reason.DENIED, said)
