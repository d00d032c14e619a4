"""Settings of the console: where it listens, who may come in."""

from __future__ import annotations

import msgspec

from console.access.person import AccessRole


class OidcConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Log in with an OpenID Connect provider; programs send its access tokens.

    ``audience`` must be in the ``aud`` of access tokens, ``client_id`` in that of ID tokens. ``roles``: value
    of ``roles_claim`` -> viewer, responder or admin; who has none of them is refused. ``name_claim`` becomes
    the name in the audit log; an ``email`` must be verified. ``ca_file``: whose certificates are believed.
    """

    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    audience: str = ""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "email", "profile"])
    name_claim: str = "email"
    roles_claim: str = "groups"
    roles: dict[str, AccessRole] = {}
    ca_file: str = ""


class ConsoleConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``keywatch run --role console``, and role ``all`` once somebody may come in, by ``tokens_file`` or
    ``oidc``. Its public address is ``alert.console_url``.

    ``tokens_file``: lines of ``keywatch console token``. ``session_secret_file``: 32 random bytes or more
    that all replicas share; without it logins last as long as the process. ``cookie_secure`` false is for
    trying without TLS. ``trusted_proxies`` (addresses, CIDRs): whose ``X-Forwarded-For`` is believed.
    ``rate_per_min``: requests of one person. ``session_idle_min``, ``session_hours``: how long a login lasts.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    tokens_file: str = ""
    session_secret_file: str = ""
    cookie_secure: bool = True
    trusted_proxies: list[str] = []
    rate_per_min: int = 600
    session_idle_min: float = 60.0
    session_hours: float = 12.0
    oidc: OidcConfig | None = None

    @property
    def open(self) -> bool:
        """Whether anybody may come in."""
        return bool(self.tokens_file or self.oidc)
