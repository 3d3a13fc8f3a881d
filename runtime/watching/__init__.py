"""Watching this process: log events, Prometheus metrics, OpenTelemetry's spans and metrics.

All of it comes off the ledger's own transitions (`store.money.observe`). No prompt, no answer and no key is given to an
observer, so none can be written by one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping

import structlog
from prometheus_client import start_http_server

from runtime.watching.export import exporting
from runtime.watching.genai import GenAI
from runtime.watching.metrics import Metrics as Metrics
from runtime.watching.observer import Telemetry as Telemetry
from runtime.watching.observer import log_as_json
from store.money import observe


@contextlib.contextmanager
def watching(
    port: int | None = None, *, signals: Collection[str] = (), names: Mapping[str, str] | None = None
) -> Iterator[Telemetry]:
    """Watch this process until the end of the block.

    Args:
        port: Serve Prometheus metrics on this port of loopback. One that is taken, as by a second process of the same
            settings, is written down and left to its owner.
        signals: Send these by OTLP, of ``traces`` and ``metrics``; without them spans and metrics go where the
            process's own SDK sends them, if it has one.
        names: What OpenTelemetry calls each provider.
    """
    log_as_json()
    with contextlib.ExitStack() as stack:
        tracer, meter = stack.enter_context(exporting(signals))
        telemetry = Telemetry(genai=GenAI(tracer, meter, names or {}))
        stack.callback(observe.watch(telemetry))
        if port is not None:
            stack.enter_context(_served(telemetry.metrics, port))
        yield telemetry


@contextlib.contextmanager
def _served(metrics: Metrics, port: int) -> Iterator[None]:
    try:
        server, _ = start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        structlog.get_logger("posthub").warning("metrics.port_taken", port=port, why=error.strerror)
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
