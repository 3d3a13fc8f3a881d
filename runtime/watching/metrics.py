"""The product's Prometheus metrics. They carry no run, job or attempt id: their number has no bound."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
