"""The one tree of errors. The class says what the caller must do, the reason is a metric label.

KeywatchError
|- Rejected    bad input: send it to the dead-letter topic and go on
|- Transient   try again with bounded backoff; hold the offset meanwhile
|- Refused     a guard said no: record it, do not retry
`- Fatal       configuration or corruption: say what to change and exit
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something failed. Closed, because each value is a metric label and a page in the docs."""

    # Rejected
    NOT_JSON = "not_json"
    WRONG_TYPE = "wrong_type"
    MISSING_KEY_ID = "missing_key_id"
    BAD_KEY_ID = "bad_key_id"
    BAD_TIMESTAMP = "bad_timestamp"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_FRAMED = "not_framed"
    UNKNOWN_SCHEMA = "unknown_schema"
    # Transient
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    # Refused
    NOT_FOUND = "not_found"
    ILLEGAL_STATE = "illegal_state"
    NOT_OURS = "not_ours"
    PROTECTED_KEY = "protected_key"
    BUDGET_SPENT = "budget_spent"
    IRREVERSIBLE = "irreversible"
    CONFLICT = "conflict"
    DENIED = "denied"
    NEWER_SCHEMA = "newer_schema"
    # Fatal
    CONFIG = "config"
    CREDENTIALS = "credentials"
    CORRUPT = "corrupt"
    UNSAFE_REDIS = "unsafe_redis"


class KeywatchError(Exception):
    """Base of all our errors; ``reason`` is the metric label, the message says what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Rejected(KeywatchError):
    """One input record is bad. It goes to the dead-letter topic; the rest of its batch goes on."""


class Transient(KeywatchError):
    """A dependency did not answer; trying again may work.

    Parameters
    ----------
    retry_after_s
        What the other side asked us to wait (its ``Retry-After``), if it said.
    """

    def __init__(self, reason: Reason, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s


class Refused(KeywatchError):
    """A guard or the other side said no, and would again."""


class Fatal(KeywatchError):
    """Nothing more can be done without a person; the process exits non-zero."""
