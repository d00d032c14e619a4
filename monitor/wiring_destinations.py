"""Destinations of alerts from their names, and how owners are told."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alerting.delivery.book import RedisMessageBook
from alerting.delivery.owners import OwnerMail, OwnerWebhook
from alerting.delivery.routes import Routes
from alerting.delivery.worker import OwnerWay
from alerting.notifiers.mail import Mailer, Smtp, checked_address
from alerting.notifiers.once import Once
from alerting.notifiers.other import MailNotifier, WebhookNotifier
from alerting.notifiers.pace import RedisPace
from alerting.notifiers.slack import Buttons, SlackNotifier
from alerting.notifiers.slack_api import SlackApi
from alerting.notifiers.slack_thread import Pictures
from alerting.notifiers.stdout import StdoutNotifier
from alerting.notifiers.webhook import Webhook
from domain.errors import Fatal, Reason, Refused
from domain.ports import KeyStore, Notifier
from domain.secret import Secret
from monitor.config import Config, secret
from monitor.config_alerting import WebhooksConfig
from monitor.wiring import CLOCK, sleep

PRESS_TIMEOUT_S = 2
"""A modal must open within three seconds of the press."""


def slack_token(config: Config) -> Secret:
    """The bot token. Raises ``Fatal`` when Slack is set up without one."""
    token = secret(config.slack.token, config.slack.token_file, "slack.token_file")
    if not token:
        raise Fatal(Reason.CONFIG, "slack.channel is set but there is no slack.token_file")
    return token


def slack_api(config: Config, client: Any, timeout_s: int = 10) -> SlackApi:
    """Slack's Web API, in step with all replicas."""
    return SlackApi(slack_token(config), CLOCK, sleep, config.slack.base_url, timeout_s, RedisPace(client))


def pictures() -> Pictures | None:
    """Charts and maps where the extra ``charts`` is installed."""
    if find_spec("matplotlib") is None:
        return None
    from alerting.charts.pictures import AlertPictures

    return AlertPictures()


def routes_for(config: Config) -> Routes:
    """Who is told of what; everything that is set up where no route says otherwise."""
    alert, default = config.alert, ["stdout"] if config.alert.stdout else []
    if config.slack.channel:
        default.append("slack")
    if config.smtp.host:
        default += [f"email:{address}" for address in config.smtp.to]
    if config.webhook.url_file:
        default.append("webhook")
    return Routes(default, alert.routes, alert.escalate_to, alert.fallback_to)


def notifiers_for(config: Config, client: Any, buttons: Buttons | None) -> dict[str, Notifier]:
    """Every destination that is named anywhere. Raises ``Fatal`` for a name that means none."""
    routes = routes_for(config)
    named = [*routes.to_all(), *routes.escalate, *routes.fallback]
    return {name: _notifier(name, config, client, buttons) for name in dict.fromkeys(named)}


def _notifier(name: str, config: Config, client: Any, buttons: Buttons | None) -> Notifier:
    kind, _, rest = name.partition(":")
    book = RedisMessageBook(client)
    if kind == "slack" and (rest or config.slack.channel):
        return SlackNotifier(
            slack_token(config),
            rest or config.slack.channel,
            CLOCK,
            sleep,
            config.slack.base_url,
            name=name,
            book=book,
            pace=RedisPace(client),
            buttons=buttons,
            pictures=pictures(),
            mention=config.slack.mention,
        )
    return Once(_plain_notifier(name, kind, rest, config), book, CLOCK)


def _plain_notifier(name: str, kind: str, rest: str, config: Config) -> Notifier:
    """Those that cannot edit what they sent."""
    if name == "stdout":
        return StdoutNotifier()
    if kind == "email" and config.smtp.host:
        return MailNotifier(mailer(config), _address(rest), name)
    if name == "webhook" and config.webhook.url_file:
        return WebhookNotifier(webhook(config.webhook, "webhook"), name)
    raise Fatal(
        Reason.CONFIG,
        f"alert: {name!r} is no destination: slack, slack:#channel, email:address (with smtp.host), "
        "webhook (with webhook.url_file) and stdout are",
    )


def _address(text: str) -> str:
    try:
        return checked_address(text)
    except Refused as error:
        raise Fatal(Reason.CONFIG, f"alert: email:{text} is no mail address") from error


def mailer(config: Config) -> Mailer:
    """Mail by the configured server."""
    smtp = config.smtp
    password = secret("", smtp.password_file, "smtp.password_file")
    server = Smtp(smtp.host, smtp.port, smtp.sender, smtp.tls, smtp.user, password, smtp.ca_file)
    return Mailer(server, CLOCK)


def webhook(config: WebhooksConfig, setting: str) -> Webhook:
    """A signed webhook; its URL and key come from files."""
    url = secret("", config.url_file, f"{setting}.url_file")
    if not url.reveal().startswith(("https://", "http://")):
        raise Fatal(Reason.CONFIG, f"{setting}.url_file: {Path(config.url_file).name} holds no http(s) URL")
    return Webhook(url, secret("", config.key_file, f"{setting}.key_file"), CLOCK)


def owner_names(config: Config) -> Iterable[str]:
    """The ways in which owners are told."""
    if config.owners.email:
        yield "email"
    if config.owners.webhook.url_file:
        yield "webhook"


def owner_ways(config: Config, keys: KeyStore) -> dict[str, OwnerWay]:
    """Those ways. Raises ``Fatal`` for mail without a server."""
    out: dict[str, OwnerWay] = {}
    for name in owner_names(config):
        if name == "webhook":
            out[name] = OwnerWebhook(webhook(config.owners.webhook, "owners.webhook"), keys)
        elif config.smtp.host:
            out[name] = OwnerMail(mailer(config), keys, config.owners.contact)
        else:
            raise Fatal(Reason.CONFIG, "owners.email is on but there is no smtp.host")
    return out
