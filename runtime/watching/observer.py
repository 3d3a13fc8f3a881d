"""Turns what the ledger tells into log events, metrics and spans."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.metrics import get_meter

from domain.calls import Call, Usage
from runtime.watching.genai import GenAI
from runtime.watching.metrics import Metrics
from store.money import observe
from store.money.ledger import Hold

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class _Open:
    """An attempt under way; ``answered`` is what came back, as far as it has."""

    hold: Hold
    span: trace.Span
    since: float
    answered: dict[str, Any] = field(default_factory=dict)


class Telemetry(observe.Observer):
    """Turns what it is told into events, metrics and spans."""

    def __init__(self, metrics: Metrics | None = None, genai: GenAI | None = None) -> None:
        self.metrics = metrics or Metrics()
        self._genai = genai or GenAI(trace.get_tracer("posthub"), get_meter("posthub"), {})
        self._open: dict[str, _Open] = {}
        self._log = structlog.get_logger("posthub.money")

    def held(self, hold: Hold) -> None:
        if hold.attempt_id in self._open:
            return
        span = self._genai.begin(hold, _names(hold))
        self._open[hold.attempt_id] = _Open(hold, span, time.monotonic())
        self.metrics.open_holds.labels(hold.provider).inc()
        self.metrics.held.labels(hold.provider).inc(hold.held_micro / _MICRO)
        self._log.info("attempt.held", held_micro=hold.held_micro, **_names(hold))

    def answered(self, attempt_id: str, answer: Mapping[str, Any]) -> None:
        if found := self._open.get(attempt_id):
            found.answered.update(answer)

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
        self._genai.end(
            found.span,
            hold,
            seconds=time.monotonic() - found.since,
            usage=usage,
            cost_micro=cost,
            answered=found.answered,
            error=error_code or (None if state == "settled" else state.upper()),
            own={"state": state, "basis": basis, "cost_micro": cost},
        )
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
