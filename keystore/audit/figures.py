"""The report's headline figures as words, the same in every format for people."""

from __future__ import annotations

from datetime import UTC, datetime

from keystore.audit.report import AuditReport

NOT_KNOWN = "not known"


def figures(report: AuditReport) -> list[tuple[str, str]]:
    """Name and value, in the order of the report."""
    leaks = report.leaks
    external = f", {report.external:,} with their secret elsewhere" if report.external else ""
    other = [f"{count:,} {state}" for state, count in report.states.items() if state != "active"]
    return [
        ("key audit", at(report)),
        ("overall", report.status.value),
        ("active keys", f"{report.states.get('active', 0):,}"),
        ("all keys", f"{report.keys:,}{external}"),
        ("not active", ", ".join(other) or "none"),
        ("verifications yesterday", _number(report.daily_verifications)),
        ("requests a day", _number(report.daily_requests)),
        (
            "leaked secrets",
            f"{leaks.secrets:,} in {leaks.requests:,} requests; {leaks.recent:,} within 30 days"
            if leaks
            else NOT_KNOWN,
        ),
    ]


def at(report: AuditReport) -> str:
    """When it was made, UTC."""
    moment = datetime.fromtimestamp(report.at_ms / 1000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _number(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:,.0f}"
