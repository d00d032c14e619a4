"""Why a request was not let in: words for programs, one for each way to be refused."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Closed, because each is a metric label and part of the API that callers see."""

    MISSING_KEY = "missing_key"
    """The request carries no key. For middleware; :meth:`verify` is not asked then."""
    SEVERAL_KEYS = "several_keys"
    """More than one key, so it is not clear who calls. For middleware."""
    KEY_IN_QUERY = "key_in_query"
    """The key stands in the query string, so it is in logs already: a leak. For middleware."""
    MALFORMED = "malformed"
    """Not the text of any key: wrong prefix, length or checksum. Found without asking the store."""
    UNKNOWN_KEY = "unknown_key"
    """Well formed, but no key of this store."""
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    RETIRED = "retired"
    """Replaced by a successor, and its time of grace is over."""
    EXPIRED = "expired"
    RATE_LIMITED = "rate_limited"
    WRONG_ENVIRONMENT = "wrong_environment"
    IP_NOT_ALLOWED = "ip_not_allowed"
    ENDPOINT_NOT_ALLOWED = "endpoint_not_allowed"
    """No scope of the key opens this path."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """A scope opens this path, with other methods."""
