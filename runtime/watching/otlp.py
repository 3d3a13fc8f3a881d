"""OpenTelemetry's SDK with its OTLP exporters; imported only where an endpoint is set."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_SERVICE = Resource({SERVICE_NAME: "posthub"})


@contextlib.contextmanager
def opened(signals: Collection[str], scope: str) -> Iterator[tuple[trace.Tracer, metrics.Meter]]:
    """Return a tracer and a meter of providers of our own, so that nobody else's spans are sent with ours."""
    resource = _SERVICE.merge(OTELResourceDetector().detect())
    spans = TracerProvider(resource=resource, shutdown_on_exit=False)
    if "traces" in signals:
        spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if "metrics" in signals else []
    figures = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    try:
        yield spans.get_tracer(scope), figures.get_meter(scope)
    finally:
        spans.shutdown()
        figures.shutdown()
