"""Makes the source of tokens for Kafka's OAUTHBEARER."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from domain.errors import Fatal, Reason
from keystore.adapters.http import Answer, Api, Place
from keystore.adapters.patience import Patience
from keystore.adapters.tokens import read_secret
from monitor.config import Config, KafkaOauthConfig
from monitor.config_keystore import check_url
from monitor.source.tokens import Tokens, file_tokens, granted_tokens
from monitor.wiring_clock import CLOCK
from monitor.wiring_keystore import trust

OAUTHBEARER: Final = "OAUTHBEARER"


def kafka_tokens(config: Config) -> Tokens | None:
    """None where Kafka wants no tokens. Raises ``Fatal`` for settings that do not go together."""
    oauth, wanted = config.kafka_oauth, config.kafka.security.get("sasl_mechanism") == OAUTHBEARER
    given = bool(oauth.token_file) + bool(oauth.token_url)
    if not wanted and not given:
        return None
    if not wanted:
        raise Fatal(Reason.CONFIG, "kafka_oauth is for kafka.security.sasl_mechanism: OAUTHBEARER")
    if given != 1:
        raise Fatal(
            Reason.CONFIG, "OAUTHBEARER needs one of kafka_oauth.token_file and kafka_oauth.token_url"
        )
    if oauth.token_file:
        return file_tokens(Path(oauth.token_file), CLOCK)
    if not oauth.client_id or not oauth.client_secret_file:
        raise Fatal(Reason.CONFIG, "kafka_oauth.token_url needs client_id and client_secret_file")
    return _granted(oauth)


def _granted(oauth: KafkaOauthConfig) -> Tokens:
    check_url(oauth.token_url, "kafka_oauth.token_url")
    client = httpx.Client(verify=trust(oauth.ca_file), timeout=oauth.timeout_s)
    once = Patience(lambda _: None, random.random, attempts=1)
    api = Api(Place("the token endpoint", "kafka_oauth"), client, oauth.token_url, once, CLOCK)
    form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})

    def ask() -> Answer:
        secret = read_secret(Path(oauth.client_secret_file)).reveal()
        login = httpx.BasicAuth(quote(oauth.client_id, safe=""), quote(secret, safe=""))
        return api.query("", data=form, auth=login)

    return granted_tokens(ask, CLOCK)
