"""What a person called honest about one key, for a while and no wider than was seen."""

from __future__ import annotations

import msgspec

from domain.finding import Finding, Kind


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of ``kind`` on ``key_id`` from where it was seen are not made until ``until_ms``.

    Every dimension that is set must agree; empty and 0 mean any. ``client`` is a product name as
    :func:`product` gives it. Times are epoch milliseconds.

    >>> office = Allowance(key_id="k", kind=Kind.ORIGIN, country="RU", asn=64500, until_ms=10)
    >>> office.covers("k", Kind.ORIGIN, Where(country="RU", asn=64500), 9)
    True
    >>> office.covers("k", Kind.ORIGIN, Where(country="RU", asn=64999), 9)
    False
    """

    key_id: str
    kind: Kind
    country: str = ""
    asn: int = 0
    network: str = ""
    client: str = ""
    until_ms: int

    def covers(self, key_id: str, kind: Kind, where: Where, at_ms: int) -> bool:
        """Whether a claim made at ``at_ms`` is what the person spoke of."""
        return (
            key_id == self.key_id
            and kind is self.kind
            and at_ms < self.until_ms
            and self.country in ("", where.country)
            and self.asn in (0, where.asn)
            and self.network in ("", where.network)
            and self.client in ("", product(where.client))
        )

    def words(self) -> str:
        """The scope as a person reads it."""
        named = {
            "country": self.country,
            "operator": f"AS{self.asn}" if self.asn else "",
            "network": self.network,
            "client": self.client,
        }
        scope = ", ".join(f"{name} {value}" for name, value in named.items() if value)
        return f"{self.kind.value} findings from {scope or 'anywhere'}"


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests came from and with what: the dimensions an allowance can be narrowed to."""

    country: str = ""
    asn: int = 0
    network: str = ""
    client: str = ""


def where_of(finding: Finding) -> Where:
    """The dimensions of a finding."""
    return Where(country=finding.country, asn=finding.asn, network=finding.network, client=finding.client)


def product(client: str) -> str:
    """The name in front of a user agent, without its version.

    >>> product("curl/8.5.0"), product("Mozilla/5.0 (X11)"), product("")
    ('curl', 'Mozilla', '')
    """
    return client.strip().partition("/")[0].partition(" ")[0]


def allowances_of(findings: list[Finding], until_ms: int) -> list[Allowance]:
    """The narrowest allowances that cover ``findings``; proof is never allowed.

    A finding's network operator stands for its place, its country where that is unknown, its network
    where both are. Behaviour is narrowed to the client as well.
    """
    found = {_narrow(finding, until_ms): None for finding in findings if finding.kind is not Kind.CERTAIN}
    return list(found)


def _narrow(finding: Finding, until_ms: int) -> Allowance:
    placed = bool(finding.country or finding.asn)
    return Allowance(
        key_id=finding.key_id,
        kind=finding.kind,
        country=finding.country,
        asn=finding.asn,
        network="" if placed else finding.network,
        client=product(finding.client) if finding.kind is Kind.BEHAVIOUR else "",
        until_ms=until_ms,
    )
