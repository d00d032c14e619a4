"""What Slack sends over Socket Mode: a connection that we open, so that no ingress is needed."""

from __future__ import annotations

from typing import Any

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from alerting.slack_desk.entry import Entry
from domain.errors import Fatal, KeywatchError, Reason, Transient
from domain.secret import Secret


class SlackSocket:
    """Runs in threads of slack_sdk, which connects again by itself."""

    def __init__(self, app_token: Secret, entry: Entry, base_url: str) -> None:
        self._entry = entry
        self._client = SocketModeClient(
            app_token=app_token.reveal(), web_client=WebClient(base_url=base_url), concurrency=4
        )
        self._client.socket_mode_request_listeners.append(self._listen)

    def start(self) -> None:
        """Connect. Raises ``Fatal`` for a token that Slack refuses, ``Transient`` when it does not answer."""
        try:
            self._client.connect()
        except Exception as error:
            text = str(error)
            if "invalid_auth" in text or "not_allowed_token_type" in text:
                raise Fatal(
                    Reason.CREDENTIALS, "Slack refused the app token: check slack.app_token_file"
                ) from None
            raise Transient(
                Reason.UNREACHABLE, f"Slack's Socket Mode did not answer: {type(error).__name__}"
            ) from None

    def stop(self) -> None:
        """Disconnect, and let what runs end."""
        self._client.close()

    def _listen(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        """Each envelope is answered; one that Slack sends again is answered and does nothing."""
        try:
            answer = self._answer(request) if self._entry.fresh(request.envelope_id) else {}
        except KeywatchError:
            return  # not answered: Slack sends it again
        client.send_socket_mode_response(
            SocketModeResponse(envelope_id=request.envelope_id, payload=answer or None)
        )

    def _answer(self, request: SocketModeRequest) -> dict[str, Any]:
        if request.type == "interactive":
            return self._entry.interaction(request.payload)
        if request.type == "slash_commands":
            return self._entry.command({k: str(v) for k, v in request.payload.items()})
        return {}
