"""What the console's settings mean."""

from __future__ import annotations

from typing import Final

from monitor.config_console import ConsoleConfig, OidcConfig

CONSOLE_SECTIONS: Final = {
    "console": "The console and its API; it does not start without `tokens_file` or `oidc`.",
    "console.oidc": "Log in with an OpenID Connect provider; programs send its access tokens.",
}
CONSOLE_WORDS: Final[dict[type, dict[str, str]]] = {
    ConsoleConfig: {
        "host": "Where it listens.",
        "port": "Its port; `metrics.port` stays the one for probes.",
        "tokens_file": "Lines of `keywatch console token`. Read again when it changes.",
        "session_secret_file": "32 characters or more, the same for all replicas. Empty: logins end with "
        "the process.",
        "cookie_secure": "`false` lets browsers log in without TLS, for trying on one machine only.",
        "trusted_proxies": "Addresses or CIDRs of the ingress, whose `X-Forwarded-For` is believed.",
        "rate_per_min": "Requests of one person, over all replicas.",
        "session_idle_min": "Minutes after which an unused login ends.",
        "session_hours": "Hours after which every login ends.",
    },
    OidcConfig: {
        "issuer": "The provider's issuer, to the letter; its metadata are below it.",
        "client_id": "Our client there; ID tokens must be for it.",
        "client_secret_file": "Its secret; empty for a public client.",
        "audience": "What access tokens of programs must be for. Empty: programs cannot come in by OIDC.",
        "scopes": "What is asked for at login.",
        "name_claim": "Claim that names people in the audit log; an `email` must be verified.",
        "roles_claim": "Claim with groups or roles, a text or a list; `a.b` is `b` inside `a`.",
        "roles": "Value of that claim to role. Who has none is refused; of several the highest counts.",
        "ca_file": "Who must have signed the provider's certificate; empty is the system's authorities.",
    },
}
