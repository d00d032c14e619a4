"""Why a broker and we do not come together, when that is for good: from what the Kafka clients say."""

from __future__ import annotations

import re
from typing import Any, Final

from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.net.selector import NetworkSelector

from domain.errors import Fatal, KeywatchError, Reason
from monitor.source.settings import KafkaSettings
from monitor.source.tokens import Tokens

_OURS_REFUSED: Final = re.compile(r"alert\W.*(certificate|unknown.ca|access.denied)", re.IGNORECASE)
_THEIRS_REFUSED: Final = re.compile(r"certificate.verify.failed", re.IGNORECASE)
_MECHANISM: Final = re.compile(r"unsupported.?sasl.?mechanism", re.IGNORECASE)
_LOGIN: Final = re.compile(r"SaslAuthenticationFailed|SASL authentication error|authentication failed", re.I)


def refusal(settings: KafkaSettings, detail: str) -> Fatal | None:
    """The error that names the setting, None when trying again may help. ``detail`` is a client's words."""
    words = _ours(settings, detail)
    if words is None:
        return None
    return Fatal(Reason.CREDENTIALS, f"kafka.security{words}")


def _ours(settings: KafkaSettings, detail: str) -> str | None:
    security, at = settings.security, settings.bootstrap
    if _OURS_REFUSED.search(detail):
        file = security.get("ssl_certfile")
        which = f"our certificate {file}" if file else "us, as it wants a certificate and none is set"
        return f".ssl_certfile: {at} refused {which} ({_told(detail)}): has it expired, who signed it?"
    if _THEIRS_REFUSED.search(detail):
        file = security.get("ssl_cafile")
        authority = f"by what is in {file}" if file else "by the machine's authorities, as no file is set"
        return (
            f".ssl_cafile: the certificate of {at} does not hold {authority} ({_told(detail)}): check who "
            "signed it, when it expires and the name in kafka.bootstrap"
        )
    mechanism = security.get("sasl_mechanism", "")
    if _MECHANISM.search(detail):
        return f".sasl_mechanism: {at} does not take {mechanism or 'a login without one'} on this listener"
    if not _LOGIN.search(detail):
        return None
    if mechanism == "OAUTHBEARER":
        return (
            f": {at} refused our token: check kafka_oauth, and what the broker wants of issuer and audience"
        )
    user = security.get("sasl_plain_username", "")
    return (
        f".sasl_plain_username: {at} refused the credentials of {user!r} by {mechanism}: check the user and "
        "kafka.password_file"
    )


def _told(detail: str) -> str:
    """The part about the certificate, without addresses and numbers of lines."""
    words = re.split(r"certificate.verify.failed:? ?", detail, maxsplit=1, flags=re.IGNORECASE)[-1]
    words = re.split(r" \(|, verify that", words, maxsplit=1)[0]
    return words.rpartition("] ")[2].rpartition("SSL routines::")[2][:120]


def kafka_python_options(settings: KafkaSettings) -> dict[str, Any]:
    """How kafka-python is let in, secrets in clear; call it only in the statement that connects."""
    options: dict[str, Any] = {"kafka_client": Watched, **settings.revealed()}
    if settings.tokens is not None:
        options["sasl_oauth_token_provider"] = _TokenProvider(settings.tokens)
    return options


class _TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """Asked at each connection, and when the broker wants another token of one that lasts (KIP-368)."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        return self._tokens().value.reveal()


class Watched(KafkaNetClient):  # type: ignore[misc]
    """kafka-python's client, which at the start gives up at once when it is refused for good.

    By itself it tries until the time is over and then says that nobody answered. After the start a refusal
    may pass, as when brokers get new certificates one after the other.
    """

    def __init__(self, **config: Any) -> None:
        net = NetworkSelector(**config)
        super().__init__(net=net, manager=_Manager(net, **config), **config)


class _Manager(KafkaConnectionManager):  # type: ignore[misc]
    refused: Exception | None = None

    def get_connection(self, *args: Any, **options: Any) -> Any:
        if self.refused is not None and not self.bootstrapped:
            raise self.refused
        connection = super().get_connection(*args, **options)
        connection.init_future.add_errback(self._note)
        return connection

    def _note(self, error: Exception) -> None:
        if lasting(error):
            self.refused = error


def lasting(error: Exception) -> bool:
    """Whether this will be so at the next attempt as well."""
    if isinstance(error, KeywatchError | kafka_errors.SaslAuthenticationFailedError):
        return True
    if isinstance(error, kafka_errors.UnsupportedSaslMechanismError):
        return True
    said = str(error)
    return bool(_OURS_REFUSED.search(said) or _THEIRS_REFUSED.search(said))
