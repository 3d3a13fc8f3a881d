"""Where spans and metrics go: by OTLP over HTTP where an endpoint is set, else to the process's own SDK, if any."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Collection, Iterator

from opentelemetry import metrics, trace

_SCOPE = "posthub"


@contextlib.contextmanager
def exporting(signals: Collection[str]) -> Iterator[tuple[trace.Tracer, metrics.Meter]]:
    """Return what spans and metrics are made with; at the end everything that waits is sent.

    A process that was started with an SDK of its own (``opentelemetry-instrument``, a server) keeps it.

    Args:
        signals: What is sent, of ``traces`` and ``metrics``. Where to, with which headers and how often is
            OpenTelemetry's own to read, from its variables.
    """
    tracer, meter = trace.get_tracer(_SCOPE), metrics.get_meter(_SCOPE)
    if not signals or _has_its_own():
        yield tracer, meter
        return
    # The exporters are seconds of imports, and needed only here.
    sdk = importlib.import_module("runtime.watching.otlp")
    with sdk.opened(signals, _SCOPE) as made:
        yield made


def _has_its_own() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
