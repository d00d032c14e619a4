"""Settings of the console as it needs them: resolved, secrets read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from console.access.person import AccessRole
from domain.secret import Secret

BODY_MAX: Final = 1 << 20
"""Longer bodies are refused: no form and no policy of ours is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """An OpenID Connect provider and how its claims become people.

    ``audience``: what access tokens of programs must be for; ID tokens must be for ``client_id``.
    ``roles``: value of ``roles_claim`` -> role; who has none of them may not come in.
    """

    issuer: str
    client_id: str
    client_secret: Secret
    audience: str
    roles: Mapping[str, AccessRole]
    scopes: Sequence[str] = ("openid", "email", "profile")
    name_claim: str = "email"
    roles_claim: str = "groups"
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """``public_url``: where browsers find the console, such as ``https://keywatch.example``; without it the
    request's own host is taken. ``session_secret`` seals sessions, so that who can write to Redis cannot
    make one. ``rate_per_min``: requests of one person; ``failures``: of one address within five minutes.
    """

    session_secret: Secret
    public_url: str = ""
    cookie_secure: bool = True
    rate_per_min: int = 600
    failures: int = 20
    session_idle_s: float = 3600.0
    session_s: float = 43_200.0
    oidc: OidcSettings | None = None
    body_max: int = field(default=BODY_MAX)
