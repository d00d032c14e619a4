"""Makes the traces of a process, if there are to be any."""

from __future__ import annotations

import socket

from domain.errors import Fatal, Reason
from monitor.config import Config
from monitor.logs import Log
from monitor.traces import NO_TRACES, Traces
from monitor.wiring import CLOCK, Client


def traces_for(config: Config, client: Client, log: Log) -> Traces:
    """Nothing unless ``traces.enabled``; then OTLP over HTTP, from the extra ``otel``."""
    settings = config.traces
    if not settings.enabled:
        return NO_TRACES
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

        from monitor.traces_otel import OtelTraces, RedisContexts
    except ModuleNotFoundError as error:
        raise Fatal(
            Reason.CONFIG, f"traces.enabled: {error.name} is missing: pip install 'keywatch[otel]'"
        ) from error
    instance = config.kafka.instance_id or socket.gethostname()
    resource = Resource.create({"service.name": "keywatch", "service.instance.id": instance})
    provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(settings.sample_ratio))
    endpoint = f"{settings.endpoint.rstrip('/')}/v1/traces" if settings.endpoint else None
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return OtelTraces(provider, RedisContexts(client, log), config.kafka.topic, CLOCK)
