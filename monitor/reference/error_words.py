"""What each error reason means and what to do about it, for docs/reference/errors.md."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.errors import Reason
from monitor.cli_errors import EXIT_CONFIG, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE

CLASSES: Final = {
    "Rejected": ("sends the record to the dead-letter topic and goes on", EXIT_USAGE),
    "Transient": ("holds its place and tries again, later each time", EXIT_UNREACHABLE),
    "Refused": ("records it and does not try again", EXIT_REFUSED),
    "Fatal": ("ends, and says what to change", EXIT_CONFIG),
}
"""Class -> what keywatch does, and the exit code."""


class Said(NamedTuple):
    """One row of the page."""

    classes: str
    means: str
    to_do: str


_FORMAT: Final = "check `kafka.format` and the gateway's log, see [formats](../formats.md)"
_AGAIN: Final = "nothing at first; if it lasts, see that the other side runs and can be reached"

WORDS: Final[dict[Reason, Said]] = {
    Reason.NOT_JSON: Said("Rejected", "the record, or a line of a file, is not JSON", _FORMAT),
    Reason.WRONG_TYPE: Said("Rejected", "a field is missing, of another type or out of bounds", _FORMAT),
    Reason.MISSING_KEY_ID: Said(
        "Rejected",
        "the field with the key id is not there",
        "check `kafka.key_field` and what the gateway logs",
    ),
    Reason.BAD_KEY_ID: Said(
        "Rejected",
        "the key id is too long or holds control characters; on a command, a secret was given for an id",
        "log the id of the key, not the key",
    ),
    Reason.BAD_TIMESTAMP: Said(
        "Rejected",
        "the time cannot be read, or lies too far ahead",
        "check the gateway's clock and `detect.max_future_s`",
    ),
    Reason.TOO_LARGE: Said("Rejected", "the record has more than 1 MiB", "log fewer headers and no bodies"),
    Reason.TOO_DEEP: Said(
        "Rejected", "the JSON is nested too deeply", "nothing a gateway writes by itself: look who"
    ),
    Reason.NOT_FRAMED: Said(
        "Rejected",
        "the value does not begin with the id of a schema",
        "let producers use a serializer of the registry, or set `registry.schema_id: headers`",
    ),
    Reason.UNKNOWN_SCHEMA: Said(
        "Rejected",
        "the schema registry does not know the id that a record names",
        "compare `registry.url` with the producer's registry",
    ),
    Reason.UNREACHABLE: Said(
        "Transient, Fatal", "Redis, Kafka, Slack, a key store or a webhook does not answer", _AGAIN
    ),
    Reason.TIMEOUT: Said(
        "Transient", "it did not answer in time; whether it acted is found out first", _AGAIN
    ),
    Reason.THROTTLED: Said(
        "Transient", "the other side asks to wait", "nothing; raise its limit if it happens all the time"
    ),
    Reason.SERVER_ERROR: Said(
        "Transient",
        "the other side failed, or Redis is full or not ready",
        "look at its own log; for Redis, `maxmemory` ([runbook](../runbooks/KeywatchRedisMemory.md))",
    ),
    Reason.NOT_FOUND: Said(
        "Refused",
        "there is no such key, case, silence or channel",
        "check the id; for a vendor's key, [what it calls its keys](../key-stores/index.md)",
    ),
    Reason.ILLEGAL_STATE: Said(
        "Refused",
        "what is asked does not go with the state: a key that is revoked, a case that is closed",
        "look again (`keys show`, `cases show`)",
    ),
    Reason.NOT_OURS: Said(
        "Refused", "a person or another case holds the key", "nothing; let the key go where it was stopped"
    ),
    Reason.PROTECTED_KEY: Said(
        "Refused",
        "it is the credential that keywatch itself uses",
        "nothing; keep it out of what keywatch may touch",
    ),
    Reason.BUDGET_SPENT: Said(
        "Refused",
        "kept for suspensions over the budget, which are alerts now: their case says so",
        "see the [runbook](../runbooks/KeywatchSuspensionCircuitOpen.md)",
    ),
    Reason.IRREVERSIBLE: Said(
        "Refused",
        "the key store could not undo it in time",
        "decide yourself: `keywatch keys suspend`, or give the owner a new key",
    ),
    Reason.CONFLICT: Said(
        "Refused, Transient", "somebody else has changed it meanwhile", "look again, then decide"
    ),
    Reason.NEWER_SCHEMA: Said(
        "Refused",
        "A newer release has written what is stored there.",
        "run that release, or write it back with it, see [upgrades](../upgrades.md#roll-back)",
    ),
    Reason.DENIED: Said(
        "Refused",
        "the other side knows us and does not allow it; or two people are needed",
        "the right or scope that the message names",
    ),
    Reason.CONFIG: Said(
        "Fatal",
        "a setting, file or option is wrong",
        "what the message says; `keywatch config check` tries it",
    ),
    Reason.CREDENTIALS: Said(
        "Fatal", "a password, token or certificate is not accepted", "renew the secret file that is named"
    ),
    Reason.CORRUPT: Said(
        "Fatal, Transient",
        "stored data cannot be read, or the audit log was changed",
        "keep a copy, find out who wrote it, then do what the message says",
    ),
    Reason.UNSAFE_REDIS: Said(
        "Fatal", "Redis may evict keys", "`maxmemory-policy noeviction`, or `redis.allow_unsafe` knowingly"
    ),
}
