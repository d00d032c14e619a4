"""Makes the configured decoder, and the registry where it finds schemas."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from domain.errors import Fatal, Reason
from domain.secret import Secret
from keystore.adapters.http import Api, Headers, Place
from keystore.adapters.patience import Patience
from keystore.adapters.tokens import from_file
from monitor.config import Config, RegistryConfig
from monitor.config_keystore import check_url
from monitor.decode import Mapped, decoder_for
from monitor.decode.base import Decoder, Limits
from monitor.registry.client import SchemaRegistry
from monitor.wiring_clock import CLOCK
from monitor.wiring_keystore import trust

PLACE: Final = Place("the schema registry", "registry")


def decoder_of(config: Config, wire_format: str, limits: Limits) -> Decoder:
    """The decoder of a wire format by the settings; asks nobody yet. Raises ``Fatal``."""
    kafka, registry = config.kafka, config.registry
    mapped = Mapped(
        kafka.key_field,
        kafka.fields,
        registry.schema_id == "headers",
        (lambda name: schema_registry(registry, name)) if registry.url else None,
    )
    return decoder_for(wire_format, limits, kafka.key_field, mapped)


def schema_registry(config: RegistryConfig, wire_format: str) -> SchemaRegistry:
    """One that asks once and leaves the waiting to the caller, who holds the offset meanwhile."""
    check_url(config.url, "registry.url")
    client = httpx.Client(verify=trust(config.ca_file), timeout=config.timeout_s)
    once = Patience(lambda _: None, random.random, attempts=1)
    api = Api(PLACE, client, config.url, once, CLOCK, _credential(config))
    return SchemaRegistry(api, CLOCK, "serialized" if wire_format == "protobuf" else "")


def _credential(config: RegistryConfig) -> Headers:
    if config.token_file and config.user:
        raise Fatal(Reason.CONFIG, "registry.token_file and registry.user are both set: keep one")
    if config.token_file:
        return from_file(Path(config.token_file))
    if bool(config.user) != bool(config.password_file):
        raise Fatal(Reason.CONFIG, "registry.user and registry.password_file go together")
    if not config.user:
        return dict

    def basic(password: Secret) -> Mapping[str, str]:
        login = f"{config.user}:{password.reveal()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(login).decode()}"}

    return from_file(Path(config.password_file), basic)
