"""Perplexity's Agent API: a forced web search with a written answer.

https://docs.perplexity.ai, ``POST /v1/agent``: unknown fields are refused, searching has to be forced by
``tool_choice``, failures come as HTTP 200 with a ``status``, and sources stand in the ``search_results`` item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.calls import SearchRequest, Source, Usage
from gateway.calls.failures import from_status
from gateway.config import Deployment, Models, ProviderConfig
from gateway.ports import Answer, Attempt, Finish
from gateway.providers.building import Building
from gateway.providers.wire import Wire
from store.money.prices import Units


def search(of: Building) -> Perplexity:
    """Build it for a gateway."""
    return Perplexity(of.config, of.models, read_seconds=of.gateway.text_seconds)


class Perplexity:
    """Searches through Perplexity.

    Args:
        config: The provider.
        models: The dated table of models, with ``max_searches`` and ``max_results``.
        read_seconds: The longest silence.
    """

    def __init__(self, config: ProviderConfig, models: Models, *, read_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {config.api_key}"}
        self._wire = Wire(config, headers, read_seconds=read_seconds)
        self._models = models

    async def search(self, model: str, request: SearchRequest, attempt: Attempt) -> Answer:
        """Ask one question.

        Raises:
            ProviderError: As classified.
        """
        answer = await self._wire.post("/v1/agent", self._body(model, request), attempt)
        failed = answer.get("status") in {"failed", "cancelled"}
        if failed and not answer.get("usage"):
            said = (answer.get("error") or {}).get("message") or str(answer["status"])
            raise from_status(self._wire.provider, 500, str(said))
        return _read(answer)

    def _body(self, model: str, request: SearchRequest) -> dict[str, Any]:
        facts = self._models.of(Deployment(self._wire.provider, model))
        tool: dict[str, Any] = {
            "type": "web_search",
            "search_context_size": "low",
            "max_results": facts["max_results"],
            "user_location": {"country": request.country},
        }
        if request.domains:
            tool["filters"] = {"search_domain_filter": list(request.domains)}
        body: dict[str, Any] = {
            "model": model,
            "input": request.question,
            "max_output_tokens": request.max_tokens,
            "language_preference": request.language,
            "max_steps": facts["max_searches"],
            "tools": [tool],
            "tool_choice": {"type": "web_search"},
        }
        if request.system:
            body["instructions"] = request.system
        return body

    async def aclose(self) -> None:
        await self._wire.aclose()


def _read(answer: Mapping[str, Any]) -> Answer:
    usage, units = _usage(answer.get("usage") or {})
    cost = ((answer.get("usage") or {}).get("cost") or {}).get("total_cost")
    status = str(answer.get("status") or "completed")
    reason = str((answer.get("incomplete_details") or {}).get("reason") or status)
    return Answer(
        text="".join(_texts(answer)),
        sources=tuple(_sources(answer)),
        usage=usage,
        units=units,
        reported_usd=None if cost is None else Decimal(str(cost)),
        finish=_finish(status, reason),
        reason=reason,
        raw={"id": answer.get("id"), "model": answer.get("model"), "usage": answer.get("usage")},
    )


def _finish(status: str, reason: str) -> Finish:
    if status == "completed":
        return Finish.STOP
    if status == "incomplete" and reason == "max_output_tokens":
        return Finish.LENGTH
    return Finish.BLOCKED if "content" in reason else Finish.OTHER


def _usage(usage: Mapping[str, Any]) -> tuple[Usage, Units | None]:
    searches = ((usage.get("tool_calls_details") or {}).get("search_web") or {}).get("invocation") or 0
    read = Usage(
        input_tokens=int(usage.get("input_tokens") or 0),
        output_tokens=int(usage.get("output_tokens") or 0),
        requests=int(searches),
    )
    if not usage:
        return read, None
    return read, {"input": read.input_tokens, "output": read.output_tokens, "search": read.requests}


def _items(answer: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in answer.get("output") or () if item.get("type") == kind)


def _texts(answer: Mapping[str, Any]) -> Iterator[str]:
    for message in _items(answer, "message"):
        for part in message.get("content") or ():
            if part.get("type") == "output_text":
                yield str(part.get("text") or "")


def _sources(answer: Mapping[str, Any]) -> Iterator[Source]:
    seen: set[str] = set()
    for item in _items(answer, "search_results"):
        for result in item.get("results") or ():
            url = str(result.get("url") or "")
            if url and url not in seen:
                seen.add(url)
                yield Source(
                    url=url,
                    title=str(result.get("title") or ""),
                    snippet=str(result.get("snippet") or ""),
                    date=result.get("date"),
                )
