"""A call as OpenTelemetry's conventions for generative AI name it, beside our own attributes.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (client spans and metrics, as of v1.41). What a call cost
has no name there; ``gen_ai.usage.cost``, in USD, is what Langfuse and others read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import metrics, trace

from domain.calls import JobKind, Usage
from domain.money import to_usd
from store.money.ledger import Hold

_MADE = {JobKind.GENERATE_IMAGE: "image", JobKind.GENERATE_VIDEO: "video"}
"""Kinds that bring a file; all others bring text."""
_TOKEN_BUCKETS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_SECOND_BUCKETS = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip


class GenAI:
    """Makes the spans and metrics of calls.

    Args:
        tracer: Makes the spans.
        meter: Makes the metrics.
        names: What the conventions call each provider; one that is not named keeps our name.
    """

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter, names: Mapping[str, str]) -> None:
        self._tracer = tracer
        self._names = names
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKEN_BUCKETS,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECOND_BUCKETS,
        )
        self._cost = meter.create_counter(
            "posthub.cost", unit="{USD}", description="Settled and lost, by how the cost is known."
        )

    def begin(self, hold: Hold, own: Mapping[str, Any]) -> trace.Span:
        """Begin the span of an attempt.

        Args:
            hold: What is held for it.
            own: Our own attributes, each without the ``posthub.`` before it.
        """
        said = self._asked(hold)
        made = _MADE.get(hold.call.kind, "text")
        facts = {
            **said,
            "gen_ai.output.type": made,
            "gen_ai.conversation.id": hold.call.run_id,
            "session.id": hold.call.run_id,
            "user.id": hold.call.organization_id,
        }
        return self._tracer.start_span(
            f"{said['gen_ai.operation.name']} {hold.model}",
            kind=trace.SpanKind.CLIENT,
            attributes={**facts, **_own(own)},
        )

    def end(
        self,
        span: trace.Span,
        hold: Hold,
        *,
        seconds: float,
        usage: Usage,
        cost_micro: int,
        answered: Mapping[str, Any],
        error: str | None,
        own: Mapping[str, Any],
    ) -> None:
        """End the span of an attempt, and count it.

        Args:
            span: What `begin` returned.
            hold: What was held for it.
            seconds: From hold to close.
            usage: What was used, zeros where nothing is known.
            cost_micro: What it cost, in micro-USD.
            answered: ``model``, ``id`` and ``finish`` of the answer, as the provider named them.
            error: The class of its failure.
            own: Our own attributes.
        """
        span.set_attributes(_usage(usage))
        span.set_attributes(
            {"gen_ai.usage.cost": float(to_usd(cost_micro)), **_own(own), **_response(answered)}
        )
        if error:
            span.set_attribute("error.type", error)
            span.set_status(trace.StatusCode.ERROR, error)
        span.end()
        self._count(hold, seconds, usage, cost_micro, answered, error, own)

    def _count(
        self,
        hold: Hold,
        seconds: float,
        usage: Usage,
        cost_micro: int,
        answered: Mapping[str, Any],
        error: str | None,
        own: Mapping[str, Any],
    ) -> None:
        about = self._asked(hold)
        if answered.get("model"):
            about["gen_ai.response.model"] = str(answered["model"])
        self._duration.record(seconds, {**about, "error.type": error} if error else about)
        for kind, tokens in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if tokens:
                self._tokens.record(tokens, {**about, "gen_ai.token.type": kind})
        if cost_micro:
            whose = {
                "posthub.organization": hold.call.organization_id,
                "posthub.basis": str(own.get("basis")),
            }
            self._cost.add(float(to_usd(cost_micro)), {**about, **whose})

    def _asked(self, hold: Hold) -> dict[str, str]:
        return {
            "gen_ai.operation.name": "generate_content" if hold.call.kind in _MADE else "chat",
            "gen_ai.provider.name": self._names.get(hold.provider, hold.provider),
            "gen_ai.request.model": hold.model,
        }


def _usage(usage: Usage) -> dict[str, int]:
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read.input_tokens": usage.cached_tokens,
        "reasoning.output_tokens": usage.thinking_tokens,
    }
    return {f"gen_ai.usage.{name}": count for name, count in counts.items() if count}


def _response(answered: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if answered.get("model"):
        facts["gen_ai.response.model"] = str(answered["model"])
    if answered.get("id"):
        facts["gen_ai.response.id"] = str(answered["id"])
    if answered.get("finish"):
        facts["gen_ai.response.finish_reasons"] = [str(answered["finish"])]
    return facts


def _own(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {f"posthub.{name}": value for name, value in facts.items() if value is not None}
