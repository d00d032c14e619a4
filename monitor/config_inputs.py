"""Settings of where usage events come from, and of what is asked on the way."""

from __future__ import annotations

from typing import Literal

import msgspec


class KafkaConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where usage events come from. ``partitions: all`` reads every partition without a consumer group.

    ``format``: the wire format of the records (docs/formats.md). ``key_field``: in the formats whose fields
    the operator names, the one that holds the key id. ``fields``: in ``avro`` and
    ``protobuf``, where other fields are, as ``ip: client.address``. ``poll_records``: records taken at once
    at most; more is faster, fewer is less memory.
    """

    bootstrap: str = "localhost:9092"
    topic: str = "api-usage"
    group: str = "keywatch"
    partitions: Literal["group", "all"] = "group"
    instance_id: str = ""
    format: str = "native"
    key_field: str = ""
    fields: dict[str, str] = {}
    client: Literal["kafka-python", "confluent"] = "kafka-python"
    dead_letter_topic: str = ""
    poll_records: int = 20_000
    security: dict[str, str] = {}
    password_file: str = ""


class KafkaOauthConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Tokens for ``kafka.security.sasl_mechanism: OAUTHBEARER``.

    ``token_file``: a token that somebody else renews. Else ``token_url``: of an OAuth 2.0 server, asked with
    ``client_id``, ``client_secret_file`` and ``scope``. The files are read at each use.
    """

    token_file: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    scope: str = ""
    ca_file: str = ""
    timeout_s: float = 5.0


class RegistryConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The schema registry of the formats ``avro`` and ``protobuf``; needs the extra ``registry``.

    ``user`` with ``password_file``, or ``token_file``; the files are read at each request. ``ca_file``:
    whose certificates to trust (PEM) beside the machine's own. ``schema_id``: where records name their
    schema; with ``headers`` those without the header have it in the value.
    """

    url: str = ""
    user: str = ""
    password_file: str = ""
    token_file: str = ""
    ca_file: str = ""
    timeout_s: float = 5.0
    schema_id: Literal["value", "headers"] = "value"
