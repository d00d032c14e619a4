"""What people should know although no key misbehaves: silences, allowances, digests, failures of delivery."""

from __future__ import annotations

import msgspec

from domain.incident import Severity


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A short text for people. ``id`` is stable, so that it is told once. Lines are plain text."""

    id: str
    title: str
    lines: list[str]
    severity: Severity = Severity.INFO
    tenant: str = ""
    key_id: str = ""
    at_ms: int = 0
