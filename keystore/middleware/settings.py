"""How a gate is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from keystore.middleware.proxies import TrustedProxies


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Every default refuses.

    environment
        Where this service runs (``live``, ``test``): keys of another environment are refused. "" takes any.
    key_header
        A header that may carry the key bare, such as ``X-API-Key``, beside ``Authorization: Bearer``.
    proxies
        Whose ``X-Forwarded-For`` is believed.
    fail_open
        Let requests through unchecked while the store does not answer. A suspended key works then.
    public_paths
        Exact paths that need no key, such as ``/health``.
    problem_types
        Where refusals are documented: the ``type`` of a problem is this and the reason. "" is about:blank.
    """

    environment: str = ""
    key_header: str = ""
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    fail_open: bool = False
    public_paths: frozenset[str] = frozenset()
    realm: str = "api"
    problem_types: str = ""
