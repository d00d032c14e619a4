"""Settings of what the process tells of itself: logs, metrics, probes and traces."""

from __future__ import annotations

from typing import Literal

import msgspec


class LogConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Structured logs to stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json: bool = True


class MetricsConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The HTTP endpoint for Prometheus and probes (``/metrics``, ``/livez``, ``/readyz``, ``/startupz``).

    ``port`` 0 means none. ``stalled_s``: after how long without a step of its loop ``/livez`` says no.
    """

    host: str = "127.0.0.1"
    port: int = 0
    stalled_s: float = 120.0


class TracesConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """OpenTelemetry traces over OTLP/HTTP; needs the extra ``otel``.

    ``endpoint``: such as ``http://collector:4318``, else OTEL_EXPORTER_OTLP_ENDPOINT. ``sample_ratio``: share
    of traces kept that begin here; those that come with a record follow its ``traceparent``'s sampled flag.
    """

    enabled: bool = False
    endpoint: str = ""
    sample_ratio: float = 1.0
