"""JSON over HTTP to one vendor: explicit timeouts, bounded retries, answers and errors in our words.

Nothing that is sent or received is logged, and no error shows a URL: some vendors have the key itself
in the path. Redirects are refused, so that a credential goes nowhere but where it was configured for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from domain.clock import Clock
from domain.errors import Fatal, KeywatchError, Reason, Refused, Transient
from keystore.adapters.patience import Patience, retry_after_s
from keystore.arguments import one_line

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
TOLD_CHARS: Final = 160
"""Of a vendor's own words in our errors."""

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_WRONG_SETTING: Final = (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError)

Body = TypeVar("Body")
Headers = Callable[[], Mapping[str, str]]
"""Headers with the credential, asked for at each call as tokens run out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` is the parsed JSON, or {} when there was none."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)

    def into(self, kind: type[Body]) -> Body:
        """The body as a type; what is not in the type is left alone. Raises ``Transient(SERVER_ERROR)``."""
        try:
            return msgspec.convert(self.body, kind)
        except msgspec.ValidationError as error:
            raise Transient(
                Reason.SERVER_ERROR, f"the vendor's answer is not as its documentation says: {error}"
            ) from None


@dataclass(frozen=True, slots=True)
class Place:
    """Whom we talk to, for messages: the vendor's name, and the setting that a person would look at."""

    name: str
    setting: str


class Api:
    """One vendor's API below ``base_url``. Thread-safe; each call blocks for a request or a few.

    Parameters
    ----------
    credential
        Headers to send with every request.
    tells
        Picks from an error body a word or sentence that may be shown; by default nothing is, as some
        vendors repeat key material in their errors.
    """

    def __init__(
        self,
        place: Place,
        client: httpx.Client,
        base_url: str,
        patience: Patience,
        clock: Clock,
        credential: Headers = dict,
        tells: Callable[[Any], object] = lambda _: "",
    ) -> None:
        self.place = place
        self._client = client
        self._base_url = base_url
        self._patience = patience
        self._clock = clock
        self._credential = credential
        self._tells = tells

    def read(self, path: str, *, expect: tuple[int, ...] = (), **request: Any) -> Answer:
        """GET. Statuses in ``expect`` are answered as they are, besides 2xx."""
        return self._asked("GET", path, expect, write=False, request=request)

    def query(self, path: str, *, expect: tuple[int, ...] = (), **request: Any) -> Answer:
        """A POST that changes nothing, with vendors whose reads look so."""
        return self._asked("POST", path, expect, write=False, request=request)

    def write(self, method: str, path: str, *, expect: tuple[int, ...] = (), **request: Any) -> Answer:
        """A request that changes something: never sent again once it may have been received."""
        return self._asked(method, path, expect, write=True, request=request)

    def _asked(
        self, method: str, path: str, expect: tuple[int, ...], *, write: bool, request: dict[str, Any]
    ) -> Answer:
        headers = {"Accept": "application/json", **request.pop("headers", {})}

        def once() -> Answer:
            answer = self._sent(method, path, headers, request)
            if not 200 <= answer.status < 300 and answer.status not in expect:
                raise self._error(answer)
            return answer

        return self._patience.ask(once, write=write)

    def _sent(self, method: str, path: str, headers: Mapping[str, str], request: Mapping[str, Any]) -> Answer:
        name = self.place.name
        headers = {**headers, **self._credential()}
        try:
            with self._client.stream(method, self._url(path), headers=headers, **request) as response:
                return Answer(response.status_code, response.headers, self._body(response))
        except _NEVER_SENT as error:
            raise Transient(
                Reason.UNREACHABLE,
                f"cannot reach {name} ({type(error).__name__}): check {self.place.setting}",
            ) from None
        except _WRONG_SETTING as error:
            raise Fatal(
                Reason.CONFIG, f"{name}: {type(error).__name__} in {self.place.setting}: check its url"
            ) from None
        except httpx.HTTPError as error:
            raise Transient(
                Reason.TIMEOUT, f"{name} did not answer ({type(error).__name__}): the outcome is unknown"
            ) from None

    def _url(self, path: str) -> str:
        return self._base_url.rstrip("/") + path if path else self._base_url

    def _body(self, response: httpx.Response) -> Any:
        raw = b""
        for part in response.iter_bytes():
            raw += part
            if len(raw) > MAX_ANSWER_BYTES:
                raise Transient(Reason.SERVER_ERROR, f"{self.place.name} answered more than 4 MiB")
        try:
            return json.loads(raw) if raw.strip() else {}
        except (ValueError, RecursionError):
            return {}

    def _error(self, answer: Answer) -> KeywatchError:
        place, status = self.place, answer.status
        said = f"{place.name} answered {status}{self._told(answer.body)}"
        wait_s = retry_after_s(answer.headers.get("retry-after", ""), self._clock.now())
        if status == 429:
            return Transient(Reason.THROTTLED, said, wait_s)
        if status >= 500 or status == 408:
            return Transient(Reason.SERVER_ERROR, said, wait_s)
        if status in (401, 403):
            return Fatal(
                Reason.CREDENTIALS, f"{said}: it refused our credential; check {place.setting} and its rights"
            )
        if status == 404:
            return Refused(
                Reason.NOT_FOUND, f"{place.name} has no such key: check the id and {place.setting}"
            )
        if status < 400:
            return Refused(Reason.DENIED, f"{said}: a redirect is not followed; set the final address in url")
        return Refused(Reason.DENIED, said)

    def _told(self, body: Any) -> str:
        try:
            told = one_line(str(self._tells(body) or ""))[:TOLD_CHARS]
        except (AttributeError, KeyError, TypeError, IndexError):
            return ""
        return f" ({told})" if told else ""


def segment(text: str) -> str:
    """Text as one segment of a path, that cannot leave it. Raises ``Refused(NOT_FOUND)`` if none can be.

    >>> segment("a/b?c")
    'a%2Fb%3Fc'
    """
    if text in ("", ".", ".."):
        raise Refused(Reason.NOT_FOUND, f"{text!r} is no key id")
    return quote(text, safe="")
