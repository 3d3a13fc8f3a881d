"""Log events, metrics and spans, all off the ledger's own transitions (`store.money.observe`).

No prompt, no answer and no key is given to an observer, so none can be written by one. Metrics carry no run, job or
attempt id: their number has no bound. Spans and log events carry them all.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from domain.calls import Call, Usage
from store.money import observe
from store.money.ledger import Hold

_MICRO = 1_000_000
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300)


class Metrics:
    """The product's Prometheus metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        who = ["provider", "model"]
        self.attempts = Counter(
            "posthub_attempts",
            "Physical calls, by how their ledger row was closed",
            [*who, "kind", "state"],
            registry=own,
        )
        self.errors = Counter(
            "posthub_errors", "Attempts that failed, by class", [*who, "error"], registry=own
        )
        self.seconds = Histogram(
            "posthub_attempt_seconds", "From hold to close", who, buckets=_SECONDS, registry=own
        )
        self.tokens = Counter("posthub_tokens", "Tokens as they are billed", [*who, "unit"], registry=own)
        self.cost = Counter(
            "posthub_cost_usd",
            "Settled and lost, by how the cost is known",
            ["organization", "provider", "basis"],
            registry=own,
        )
        self.unknown = Counter(
            "posthub_unknown_cost_usd",
            "Of the cost: estimated or at worst case",
            ["organization", "provider"],
            registry=own,
        )
        self.open_holds = Gauge(
            "posthub_open_holds", "Attempts under way in this process", ["provider"], registry=own
        )
        self.held = Gauge("posthub_held_usd", "What they can cost at most", ["provider"], registry=own)
        self.refused = Counter(
            "posthub_budget_refusals", "Calls that a budget refused", ["organization"], registry=own
        )
        self.replays = Counter("posthub_replays", "Calls that the journal answered", ["kind"], registry=own)
        self.hits = Counter(
            "posthub_cache_hits", "Calls that a cache answered", ["organization", "provider"], registry=own
        )
        self.saved = Counter(
            "posthub_saved_usd", "What cache hits would have cost", ["organization", "provider"], registry=own
        )
        self.waits = Histogram(
            "posthub_wait_seconds",
            "Waiting for a place in the rate limit",
            ["provider"],
            buckets=_SECONDS,
            registry=own,
        )
        self.breaker = Gauge(
            "posthub_breaker_open", "1 while a deployment's breaker is open", ["deployment"], registry=own
        )


@dataclass(frozen=True, slots=True)
class _Open:
    """An attempt under way."""

    hold: Hold
    span: trace.Span
    since: float


class Telemetry(observe.Observer):
    """Turns what it is told into events, metrics and spans."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self.metrics = metrics or Metrics()
        self._open: dict[str, _Open] = {}
        self._tracer = trace.get_tracer("posthub")
        self._log = structlog.get_logger("posthub.money")

    def held(self, hold: Hold) -> None:
        if hold.attempt_id in self._open:
            return
        span = self._tracer.start_span("posthub.attempt", attributes=_names(hold))
        self._open[hold.attempt_id] = _Open(hold, span, time.monotonic())
        self.metrics.open_holds.labels(hold.provider).inc()
        self.metrics.held.labels(hold.provider).inc(hold.held_micro / _MICRO)
        self._log.info("attempt.held", held_micro=hold.held_micro, **_names(hold))

    def closed(
        self,
        attempt_id: str,
        *,
        state: str,
        basis: str | None,
        cost_micro: int | None,
        usage: Usage,
        error_code: str | None,
    ) -> None:
        found = self._open.pop(attempt_id, None)
        if found is None:  # told before, or opened by a process that is gone: its row says it, no metric does
            return
        hold, cost = found.hold, found.hold.held_micro if cost_micro is None else cost_micro
        cost = 0 if state == "void" else cost
        self._count(found, state, cost, basis, usage, error_code)
        facts = {"state": state, "basis": basis, "cost_micro": cost, "error": error_code}
        found.span.set_attributes({name: value for name, value in facts.items() if value is not None})
        if state != "settled" or error_code:
            found.span.set_status(trace.StatusCode.ERROR, error_code)
        found.span.end()
        log = self._log.warning if state == "lost" else self._log.info
        log(f"attempt.{state}", basis=basis, cost_micro=cost, error=error_code, **_names(hold))

    def _count(
        self, found: _Open, state: str, cost: int, basis: str | None, usage: Usage, error: str | None
    ) -> None:
        metrics, hold = self.metrics, found.hold
        who = (hold.provider, hold.model)
        metrics.open_holds.labels(hold.provider).dec()
        metrics.held.labels(hold.provider).dec(hold.held_micro / _MICRO)
        metrics.attempts.labels(*who, hold.call.kind.value, state).inc()
        metrics.seconds.labels(*who).observe(time.monotonic() - found.since)
        if error:
            metrics.errors.labels(*who, error).inc()
        for unit, count in _tokens(usage).items():
            metrics.tokens.labels(*who, unit).inc(count)
        if basis:
            organization = hold.call.organization_id
            metrics.cost.labels(organization, hold.provider, basis).inc(cost / _MICRO)
            if basis in {"estimate", "worst_case"}:
                metrics.unknown.labels(organization, hold.provider).inc(cost / _MICRO)

    def refused(self, hold: Hold) -> None:
        self.metrics.refused.labels(hold.call.organization_id).inc()
        self._log.warning("attempt.refused", held_micro=hold.held_micro, **_names(hold))

    def replayed(self, call: Call) -> None:
        self.metrics.replays.labels(call.kind.value).inc()

    def cache_hit(self, call: Call, provider: str, saved_micro: int) -> None:
        self.metrics.hits.labels(call.organization_id, provider).inc()
        self.metrics.saved.labels(call.organization_id, provider).inc(saved_micro / _MICRO)
        self._log.info("cache.hit", provider=provider, saved_micro=saved_micro, **_of(call))

    def waited(self, call: Call, provider: str, seconds: float) -> None:
        self.metrics.waits.labels(provider).observe(seconds)

    def breaker(self, deployment: str, is_open: bool) -> None:
        self.metrics.breaker.labels(deployment).set(is_open)
        log = self._log.warning if is_open else self._log.info
        log("breaker.opened" if is_open else "breaker.closed", deployment=deployment)


def _of(call: Call) -> dict[str, Any]:
    return {
        "organization": call.organization_id,
        "run": call.run_id,
        "kind": call.kind.value,
        "node": call.node,
        "item": call.item,
    }


def _names(hold: Hold) -> dict[str, Any]:
    made_of = {"attempt": hold.attempt_id, "job": hold.job_id, "provider": hold.provider, "model": hold.model}
    return made_of | _of(hold.call)


def _tokens(usage: Usage) -> dict[str, int]:
    plain_input = usage.input_tokens - usage.cached_tokens
    plain_output = usage.output_tokens - usage.thinking_tokens
    return {
        "input": max(0, plain_input),
        "cached": usage.cached_tokens,
        "output": max(0, plain_output),
        "thinking": usage.thinking_tokens,
    }


def log_as_json() -> None:
    """Let structlog's events go out through the standard library's logging, one JSON object a line."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.EventRenamer("event"),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


@contextlib.contextmanager
def watching(port: int | None = None) -> Iterator[Telemetry]:
    """Watch this process until the end of the block; with a port, serve its metrics on loopback.

    A port that is taken, as by a second process of the same settings, is written down and left to its owner.
    """
    log_as_json()
    telemetry = Telemetry()
    end = observe.watch(telemetry)
    server = None
    if port is not None:
        try:
            server, _ = start_http_server(port, addr="127.0.0.1", registry=telemetry.metrics.registry)
        except OSError as error:
            structlog.get_logger("posthub").warning("metrics.port_taken", port=port, why=error.strerror)
    try:
        yield telemetry
    finally:
        end()
        if server is not None:
            server.shutdown()
            server.server_close()
