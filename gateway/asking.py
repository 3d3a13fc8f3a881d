"""What every kind of call is asked with: the configured models as candidates, and what a result says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.calls import Served, Usage
from gateway.cache.exact import CachedCalls
from gateway.calls.request import CallResult, Candidate
from gateway.config import Deployment, GatewayConfig
from gateway.ports import Attempt
from store.money.prices import Units

_PROTOCOL_BYTES = 200
"""What the wire format itself may add to the tokens of a prompt; tokens are never more than bytes."""


class Asking:
    """The part that all kinds of calls share.

    Args:
        config: Models, waiting times and limits.
        calls: Where requests are answered.
    """

    def __init__(self, config: GatewayConfig, calls: CachedCalls) -> None:
        self._config = config
        self._calls = calls

    def _candidate(self, model: Deployment, most: Units, send: Callable[[Attempt], Any]) -> Candidate:
        facts = self._config.models.of(model)
        seconds = self._config.text_seconds
        return Candidate(str(model), model.provider, model.model, most, send, seconds, facts=facts)


def bytes_of(*texts: str) -> int:
    """An upper bound of a prompt's tokens: a token is at least one byte."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) + _PROTOCOL_BYTES


def served_of(result: CallResult) -> Served:
    served = result.output["served"]
    return Served(
        job_id=result.job_id,
        provider=str(served["provider"]),
        model=str(served["model"]),
        usage=Usage(**served["usage"]),
        cost_micro=int(served["cost_micro"]),
        replayed=result.replayed,
        deployment=str(served.get("deployment") or f"{served['provider']}/{served['model']}"),
        why=str(served.get("why", "")),
        cached=result.cached or served.get("basis") == "cache",
        saved_micro=int(served.get("saved_micro", 0)),
    )
