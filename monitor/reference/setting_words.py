"""What every setting means, for docs/reference/settings.md. A setting without words fails a test."""

from __future__ import annotations

from typing import Final

from alerting.delivery.routes import Route
from monitor import config as c
from monitor import config_alerting as a
from monitor.reference.setting_words_console import CONSOLE_SECTIONS, CONSOLE_WORDS
from monitor.reference.setting_words_keystore import KEYSTORE_SECTIONS, KEYSTORE_WORDS

SECTIONS: Final[dict[str, str]] = {
    "kafka": "Where usage events come from. See [gateways and formats](../formats.md) and "
    "[TLS and passwords](../secured.md).",
    "kafka_oauth": "Tokens for Kafka's OAUTHBEARER; see [TLS and passwords](../secured.md).",
    "registry": "The schema registry of [`avro`](../formats.md#avro) and `protobuf`; needs the extra "
    "`registry`.",
    "redis": "Where baselines, findings, cases and keys are kept. It must run `noeviction`.",
    "geoip": "Where addresses are. Databases and lists are read again when they change.",
    "detect": "What counts as evidence. How many alerts come of it is the policy's `alert_budget`; see "
    "[tuning](../tuning.md).",
    "state": "How often work is made durable, and how much is kept in memory.",
    "forest": "When the isolation forest is trained.",
    "slack": "See [Slack](../slack.md).",
    "gate": "The [middleware](../middleware.md) in front of an API.",
    "audit": "The [key audit](../key-audit.md).",
    "alert": "Who is told; see [alerting](../alerting.md).",
    "log": "Logs go to standard error; see [log events](logs.md).",
    "metrics": "[Probes and metrics](../observability.md).",
    "traces": "OpenTelemetry traces; need the extra `otel`.",
    "smtp": "Mail. Without a host none is sent.",
    "webhook": "Alerts to a webhook of yours. Without a URL nothing is posted.",
    "owners": "How owners of keys are told what happened to them.",
    "owners.webhook": "A webhook of yours that hears of every owner's keys.",
    "heartbeat": "A sign of life that somebody else misses.",
    "audit_log": "The tamper-evident [log of acts](../audit-log.md).",
    "Route": "One entry of `alert.routes`: who is told of what. The first that matches decides.",
    **CONSOLE_SECTIONS,
    **KEYSTORE_SECTIONS,
}
"""Section -> one line about it."""

WORDS: Final[dict[type, dict[str, str]]] = {
    c.KafkaConfig: {
        "bootstrap": "Brokers, `host:port` with commas between.",
        "topic": "The topic of usage events.",
        "group": "The consumer group that replicas share partitions in.",
        "partitions": "`group` shares partitions with other replicas; `all` reads every one, alone.",
        "instance_id": "A name of this replica's own, so that it keeps its partitions over a restart.",
        "format": "The [wire format](../formats.md) of the records; `cloudevents+NAME` around any.",
        "key_field": "In `envoy`, `nginx`, `aws-apigw`, `avro` and `protobuf`: the field with the key id.",
        "fields": "In `avro` and `protobuf`: where other fields are, such as `ip: client.address`.",
        "client": "`confluent` is faster and needs the extra `fast`.",
        "dead_letter_topic": "Where unusable records go; empty is `topic` with `.dead-letter`.",
        "poll_records": "Records taken at once at most: more is faster, fewer is less memory.",
        "security": "TLS and SASL under kafka-python's names, see [here](../secured.md).",
        "password_file": "The SASL password.",
    },
    c.KafkaOauthConfig: {
        "token_file": "A token that somebody else renews, read at each use.",
        "token_url": "Instead: the token endpoint of an OAuth 2.0 server, asked by client credentials.",
        "client_id": "Who we are there.",
        "client_secret_file": "Our secret there, read at each use.",
        "scope": "The scope to ask for, if any.",
        "ca_file": "Whose certificates to trust (PEM) beside the machine's own.",
        "timeout_s": "How long to wait for a token.",
    },
    c.RegistryConfig: {
        "url": "Its address, with its path if it has one, such as `/apis/ccompat/v7`.",
        "user": "For basic authentication, with `password_file`.",
        "password_file": "The password, read at each request.",
        "token_file": "Instead: a bearer token, read at each request.",
        "ca_file": "Whose certificates to trust (PEM) beside the machine's own.",
        "timeout_s": "How long to wait for a connection or an answer.",
        "schema_id": "Where records name their schema: in the `value`, or first in the `headers`.",
    },
    c.RedisConfig: {
        "url": "`redis://`, `rediss://` for TLS, `redis+cluster://` for Redis Cluster, "
        "`redis+sentinel://HOST:26379,HOST:26379/NAME` for a master that Sentinels name.",
        "password_file": "The password of the user in `url`.",
        "ca_file": "Who must have signed the server's certificate; empty is the system's authorities.",
        "cert_file": "Our certificate, where the server asks for one.",
        "key_file": "Its private key.",
        "timeout_s": "How long to wait for a connection or an answer.",
        "sentinel_user": "Who we are at the Sentinels, where they ask.",
        "sentinel_password_file": "The password there.",
        "allow_unsafe": "Start on a Redis that may evict keys. Baselines and suspensions may then vanish.",
    },
    c.GeoipConfig: {
        "databases": "MMDB files; later ones fill what earlier ones leave empty. Empty: the country "
        "database that comes with keywatch.",
        "lists": "Name (`tor`, `vpn`, `hosting`) to a file of addresses, CIDRs or AS numbers, one a line.",
    },
    c.DetectConfig: {
        "evidence_bits": "Surprise from which a detector's claim counts towards a key's score.",
        "finding_bits": "Surprise from which a claim is a finding by itself, whatever the budget.",
        "refire_min": "Minutes until a detector repeats itself on a key, unless it is more surprised.",
        "hold_risk": "A finding with this risk keeps the key's windows from teaching its baseline.",
        "hold_min": "... for so many minutes.",
        "lateness_min": "Minutes of event time that a window stays open for late events.",
        "max_future_s": "Events dated further ahead than this are rejected.",
        "honey_keys": "Ids of keys that nobody may use: one request with one is proof.",
    },
    c.StateConfig: {
        "commit_every_s": "Seconds between commits: what a crash has read again.",
        "cached_keys": "Profiles kept in memory a partition; beyond it idle ones are dropped.",
    },
    c.ForestConfig: {
        "train_every_min": "Minutes between two trainings.",
        "min_samples": "Windows needed for the first.",
        "seed": "Seed of the training, so that it can be repeated.",
    },
    a.SlackConfig: {
        "channel": "Channel id, or name with `#`. Empty: nothing is sent to Slack.",
        "token": "The bot token; prefer `token_file` or `KEYWATCH_SLACK__TOKEN`.",
        "token_file": "The bot token (`xoxb-`).",
        "base_url": "Slack's API, or a proxy to it.",
        "interactive": "How button presses arrive: `socket` needs no ingress, `http` listens.",
        "app_token_file": "For `socket`: the app token (`xapp-`).",
        "signing_secret_file": "For `http`: the signing secret.",
        "host": "For `http`: where to listen.",
        "port": "For `http`: the port.",
        "mention": "Put before escalated reminders, as Slack writes it (`<!subteam^S0123>`).",
    },
    c.GateConfig: {
        "environment": "Where this service runs: keys of another environment are refused. Empty: any.",
        "key_header": "A header that may hold the bare key, beside `Authorization: Bearer`.",
        "trusted_hops": "How many proxies in front are believed about `X-Forwarded-For`.",
        "trusted_proxies": "Networks of proxies that are believed, instead of a number.",
        "fail_open": "Let requests in unchecked while the key store is silent. A suspended key works then.",
        "public_paths": "Exact paths that need no key.",
        "realm": "Realm of the `WWW-Authenticate` answer.",
        "problem_types": "Base URL of the `type` of a refusal; empty is `about:blank`.",
        "store_timeout_s": "How long a request may wait for the key store, three times at most.",
        "usage_events": "Write each request to `kafka.topic`.",
    },
    c.AuditConfig: {
        "every_days": "How often the daemon makes a key audit, 0 for never.",
        "named": "Keys that a control names.",
        "max_age_days": "Older keys are named by `old`.",
        "unused_days": "Keys unused for so long are named by `unused`.",
        "expiring_days": "Keys that end within so many days are named by `expiring`.",
        "max_networks": "Keys used from more networks are named by `many_networks`.",
        "review_hours": "Suspensions without a verdict for so long are named by `unreviewed`.",
    },
    a.AlertConfig: {
        "policy": "The [policy file](policy.md); empty is the shipped one, a dry run.",
        "stdout": "Print alerts to standard output as well.",
        "console_url": "Where the console is reached: messages link to `URL/cases/ID`.",
        "routes": "Who is told of what, see [Route](#route); everybody, when none matches.",
        "escalate_to": "Destinations that also hear when nobody acts.",
        "fallback_to": "Destinations that hear when another takes no message.",
        "digest_hour": "Hour (UTC) of the daily digest, -1 for none.",
        "findings_kept": "Findings kept to be looked at, the newest; about 2 kB of Redis each.",
        "findings_days": "Days for which they are kept.",
        "cases_days": "Days after which a closed case is deleted, 0 for never; the audit log stays.",
    },
    c.LogConfig: {
        "level": "What is logged.",
        "json": "One JSON object a line; false is plain text.",
    },
    c.MetricsConfig: {
        "host": "Where probes and metrics listen.",
        "port": "The port, 0 for none.",
        "stalled_s": "Seconds without a step of the loop after which `/livez` says no.",
    },
    c.TracesConfig: {
        "enabled": "Send traces.",
        "endpoint": "OTLP/HTTP, such as `http://collector:4318`; empty: `OTEL_EXPORTER_OTLP_ENDPOINT`.",
        "sample_ratio": "Share of traces kept that begin in keywatch, 0 to 1.",
    },
    a.SmtpConfig: {
        "host": "The mail server. Empty: no mail.",
        "port": "Its port.",
        "sender": "Address that mail comes from.",
        "tls": "`starttls` and `tls` refuse to go on without TLS.",
        "user": "Login name; empty: no login.",
        "password_file": "Its password.",
        "ca_file": "Who must have signed the server's certificate; empty is the system's authorities.",
        "to": "Addresses that alerts go to, besides owners.",
    },
    a.WebhooksConfig: {
        "url_file": "Holds the URL, as its path is often a password.",
        "key_file": "Holds the `whsec_` key that messages are signed with.",
    },
    a.OwnersConfig: {
        "email": "Mail the owner that the key store names; needs `smtp`.",
        "contact": "Whom owners should ask, shown to them.",
    },
    a.HeartbeatConfig: {
        "url_file": "Holds a URL that is called while alerts arrive.",
        "every_s": "Seconds between two calls.",
        "slack": "Let Slack itself post a warning once we are silent.",
        "slack_after_s": "Silence after which it does.",
    },
    a.AuditLogConfig: {
        "hmac_key_file": "Each entry carries a MAC under this key. Set it before the first entry.",
    },
    Route: {
        "to": "Names of destinations: `slack`, `slack:#other`, `email:a@b.example`, `webhook`, `stdout`.",
        "tenant": "Glob of the tenant.",
        "key": "Glob of the key id.",
        "severity": "This loud or louder.",
        "go_on": "Also look at the routes after this one.",
    },
    **CONSOLE_WORDS,
    **KEYSTORE_WORDS,
}
"""Struct -> field -> what it means."""
