"""The report as values; its JSON form is these names."""

from __future__ import annotations

from typing import Final

import msgspec

from keystore.audit.controls import Control, Status


class NamedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a control names. ``value`` is in the control's unit, ``says`` is for people."""

    key_id: str
    tenant: str
    owner: str
    value: int
    says: str


class ControlResult(msgspec.Struct, frozen=True, kw_only=True):
    """``checked`` keys were looked at and ``found`` of them named; ``keys`` are the worst of those."""

    control: Control
    status: Status
    title: str
    advice: str
    unit: str
    checked: int
    found: int
    keys: list[NamedKey]


class LeakFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Whole secrets seen in the log stream or in a query string. None: nobody could tell."""

    secrets: int
    recent: int
    """Of these, seen within the last thirty days."""
    requests: int


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What :func:`keystore.audit.audit.audit` found. Times are epoch milliseconds.

    ``status`` is the worst of the controls. ``daily_verifications`` is the store's own count of
    yesterday (UTC), ``daily_requests`` what the baselines expect of all keys together, None when nobody
    could tell.
    """

    at_ms: int
    status: Status
    keys: int
    states: dict[str, int]
    external: int
    """Keys whose secret lives elsewhere."""
    daily_verifications: int
    daily_requests: float | None
    leaks: LeakFigures | None
    controls: list[ControlResult]

    def result(self, control: Control) -> ControlResult:
        """The result of one control."""
        return next(found for found in self.controls if found.control is control)


encode: Final = msgspec.json.Encoder(order="deterministic").encode
decode: Final = msgspec.json.Decoder(AuditReport).decode
