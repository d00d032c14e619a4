"""Settings of what reaches people: mail, webhooks, owners, routes, the heartbeat, the audit log."""

from __future__ import annotations

from typing import Literal

import msgspec

from alerting.delivery.routes import Route


class SlackConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Without a channel nothing is sent to Slack. The token comes from a file or KEYWATCH_SLACK__TOKEN.

    ``interactive``: how button presses reach us; ``socket`` needs ``app_token_file`` and no ingress,
    ``http`` needs ``signing_secret_file`` and listens on ``host``:``port``. ``mention`` goes in front of
    escalated reminders, as Slack writes it (``<!subteam^S0123>``).
    """

    channel: str = ""
    token: str = ""
    token_file: str = ""
    base_url: str = "https://slack.com/api/"
    interactive: Literal["off", "socket", "http"] = "off"
    app_token_file: str = ""
    signing_secret_file: str = ""
    host: str = "127.0.0.1"
    port: int = 8087
    mention: str = ""


class SmtpConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Without a host no mail is sent. ``to`` are addresses that alerts go to besides owners."""

    host: str = ""
    port: int = 587
    sender: str = "keywatch@localhost.localdomain"
    tls: Literal["starttls", "tls", "off"] = "starttls"
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    to: list[str] = []


class WebhooksConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Without a URL nothing is posted. The files hold the URL and the ``whsec_`` key it is signed with."""

    url_file: str = ""
    key_file: str = ""


class OwnersConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How owners of keys are told what happened to them: mail by ``smtp``, and a webhook of yours.

    ``contact`` is shown to them.
    """

    email: bool = False
    webhook: WebhooksConfig = WebhooksConfig()
    contact: str = ""


class HeartbeatConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A sign of life that somebody else misses: a GET of the URL in ``url_file`` every ``every_s`` while
    alerts arrive, or a message that Slack posts by itself once we have been silent for ``slack_after_s``.
    """

    url_file: str = ""
    every_s: float = 60.0
    slack: bool = False
    slack_after_s: float = 1800.0


class AuditLogConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``hmac_key_file``: with it each entry of the audit log carries a MAC that Redis cannot make."""

    hmac_key_file: str = ""


class AlertConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``policy``: path of the policy file, the shipped dry-run policy when empty.

    Destinations are ``slack`` (the channel of ``slack``), ``slack:#other``, ``email:a@b.example``,
    ``webhook`` and ``stdout``. ``routes`` choose among them, all that are set up when none matches;
    ``escalate_to`` hear when nobody acts, ``fallback_to`` when another does not take a message.
    ``digest_hour`` (UTC, 0-23) sends the daily digest, -1 none. The newest ``findings_kept`` findings are
    kept to be looked at, for ``findings_days``; about 2 kB of Redis each. Cases are deleted ``cases_days``
    after they were closed, never with 0; what was done stays in the audit log.
    """

    policy: str = ""
    stdout: bool = True
    console_url: str = ""
    routes: list[Route] = []
    escalate_to: list[str] = []
    fallback_to: list[str] = []
    digest_hour: int = -1
    findings_kept: int = 50_000
    findings_days: int = 30
    cases_days: int = 400
