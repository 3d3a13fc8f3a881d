"""Stand-in for Perplexity: the Agent API, strict about unknown fields, and the retired chat API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.prices import Cost
from sandbox.prose.brief import Brief
from sandbox.prose.schema_filler import SchemaFiller
from sandbox.providers.perplexity.request import (
    CHAT_FIELDS,
    Question,
    agent_question,
    check_agent,
    check_bearer,
    only,
    perplexity_error,
    refuse,
    schema_of,
    text_of,
)
from sandbox.seeds import normalise
from sandbox.sites import search
from sandbox.state import base_url, state_of
from sandbox.wire import dumps, json_answer, sent_events

_PIECE = 60
_WRITTEN = {"en": "en", "cs": "cs"}


@dataclass(frozen=True)
class Reply:
    """An answer, its sources and what it used."""

    text: str
    results: tuple[search.Result, ...]
    queries: tuple[str, ...]
    key: str
    units: dict[str, int | float]
    truncated: bool


def reply(exchange: Exchange, question: Question) -> Reply:
    """Search and answer; the same for the same question."""
    key = exchange.hash(question.identity())
    asked = normalise(f"{question.system}\n\n{question.text}")
    brief = Brief(key, asked, forced_language=_WRITTEN.get(question.language, ""))
    found = search.answer(brief, question.domains, base_url(exchange.request), question.searches)
    text = found.text
    if question.schema is not None:
        source = Brief(key, f"{asked}\n\n{found.text}", brief.forced_language)
        text = json.dumps(SchemaFiller(question.schema, source).value(), ensure_ascii=False)
    text, truncated = _spoil(exchange.fault_type, text, question)
    units: dict[str, int | float] = {
        "input_tokens": tokens.count(question.system + question.text) + 40 * len(found.results),
        "output_tokens": tokens.count(text),
        "searches": 1 if question.searches else 0,
    }
    return Reply(text, found.results, found.queries, key, units, truncated)


def _spoil(fault: str, text: str, question: Question) -> tuple[str, bool]:
    if fault in ("empty", "safety", "failed", "prompt_block"):
        return "", False
    if fault == "broken_json":
        return text[: max(1, len(text) * 2 // 3)], False
    if fault == "wrong_schema":
        return ('{"unexpected": true}' if question.schema else "?"), False
    limit = tokens.count(text) // 2 if fault == "max_tokens" else question.limit
    return (tokens.first(text, limit), True) if tokens.count(text) > limit else (text, False)


def _usage(made: Reply, cost: Cost) -> dict[str, Any]:
    tokens_in, tokens_out = int(made.units["input_tokens"]), int(made.units["output_tokens"])
    usage: dict[str, Any] = {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "cost": {
            "currency": "USD",
            "input_cost": float(cost.parts["input_tokens"]),
            "output_cost": float(cost.parts["output_tokens"]),
            "tool_calls_cost": float(cost.parts["searches"]),
            "total_cost": cost.micro / 1_000_000,
        },
    }
    if made.units["searches"]:
        usage["tool_calls_details"] = {"search_web": {"invocation": int(made.units["searches"])}}
    return usage


def _response(exchange: Exchange, made: Reply, cost: Cost) -> dict[str, Any]:
    failed = exchange.fault_type in ("failed", "safety", "prompt_block")
    status = "failed" if failed else ("incomplete" if made.truncated else "completed")
    output: list[dict[str, Any]] = []
    if made.results:
        items = [one.as_dict(number) for number, one in enumerate(made.results, 1)]
        output.append({"type": "search_results", "queries": list(made.queries), "results": items})
    if not failed:
        content = [{"type": "output_text", "text": made.text, "annotations": []}]
        output.append(
            {
                "type": "message",
                "id": f"msg_{made.key[:16]}",
                "role": "assistant",
                "status": status,
                "content": content,
            }
        )
    error = {"code": "server_error", "message": "The response failed (on request)."} if failed else None
    return {
        "id": f"resp_sandbox_{made.key[:20]}",
        "object": "response",
        "created_at": int(datetime.now(UTC).timestamp()),
        "status": status,
        "model": exchange.model,
        "output": output,
        "usage": _usage(made, cost),
        "error": error,
        "incomplete_details": {"reason": "max_output_tokens"} if made.truncated else None,
    }


async def _agent(exchange: Exchange) -> Response:
    check_agent(exchange)
    question = agent_question(exchange.body)
    made = reply(exchange, question)
    if exchange.body.get("stream"):
        return _agent_stream(exchange, made)
    cost = exchange.charge("search", made.units, f"resp_sandbox_{made.key[:20]}", made.key)
    answer = _response(exchange, made, cost)
    if exchange.body.get("background"):
        exchange.state.remember(str(answer["id"]), answer)
        return exchange.answer({**answer, "status": "queued", "output": [], "usage": None})
    return exchange.answer(answer)


def _agent_stream(exchange: Exchange, made: Reply) -> Response:
    pieces = [made.text[at : at + _PIECE] for at in range(0, len(made.text), _PIECE)]
    if exchange.fault_type == "cut":
        made.units["output_tokens"] = tokens.count(
            "".join(pieces[: max(0, sent_events(len(pieces) + 3) - 2)])
        )
    cost = exchange.charge("search", made.units, f"resp_sandbox_{made.key[:20]}", made.key)
    final = _response(exchange, made, cost)
    begun = {
        **final,
        "status": "in_progress",
        "output": [],
        "usage": None,
        "incomplete_details": None,
        "error": None,
    }
    item = f"msg_{made.key[:16]}"
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for piece in pieces:
        delta = {"item_id": item, "output_index": 1, "content_index": 0, "delta": piece}
        events.append({"type": "response.output_text.delta", **delta})
    events.append({"type": f"response.{final['status']}", "response": final})
    lines = [b"data: " + dumps({**event, "sequence_number": n}) + b"\n\n" for n, event in enumerate(events)]
    return exchange.send(lines, "text/event-stream", stream=True)


async def agent(request: Request) -> Response:
    """``POST /v1/agent`` and its alias ``/v1/responses``."""
    return await handle(request, "perplexity", "", _agent, perplexity_error)


async def poll(request: Request) -> Response:
    """``GET /v1/responses/{id}`` of a request in the background."""
    try:
        check_bearer(request)
    except Refused as refused:
        return refused.response
    answer = state_of(request).answers.get(str(request.path_params["id"]))
    return json_answer(answer) if answer else perplexity_error(404, "Response not found.")


async def _chat(exchange: Exchange) -> Response:
    check_bearer(exchange.request)
    if not exchange.state.legacy_search:
        raise Refused(perplexity_error(410, "Sonar is now the Agent API: use POST /v1/agent.", kind="gone"))
    body = exchange.body
    only(body, CHAT_FIELDS)
    exchange.model = str(body.get("model") or "")
    if "/" in exchange.model or prices.of_provider("perplexity", exchange.model) is None:
        raise Refused(
            perplexity_error(400, f"Invalid model: {exchange.model}", kind="invalid_model", param="model")
        )
    messages = body.get("messages") or []
    system = "\n".join(text_of(one) for one in messages if one.get("role") == "system")
    asked = "\n".join(text_of(one) for one in messages if one.get("role") != "system")
    if not asked:
        raise refuse("messages", "Missing required parameter: 'messages'.")
    domains = tuple(body.get("search_domain_filter") or ())
    schema = schema_of(body.get("response_format"))
    question = Question(asked, system, domains, True, schema, int(body.get("max_tokens") or 8192), "")
    made = reply(exchange, question)
    cost = exchange.charge("search", made.units, f"sandbox-{made.key[:20]}", made.key)
    return exchange.answer(_chat_answer(exchange, made, cost))


def _chat_answer(exchange: Exchange, made: Reply, cost: Cost) -> dict[str, Any]:
    usage = _usage(made, cost)
    parts = usage["cost"]
    message = {"role": "assistant", "content": made.text}
    return {
        "id": f"sandbox-{made.key[:20]}",
        "object": "chat.completion",
        "created": int(datetime.now(UTC).timestamp()),
        "model": exchange.model,
        "choices": [
            {"index": 0, "message": message, "finish_reason": "length" if made.truncated else "stop"}
        ],
        "citations": [one.url for one in made.results],
        "search_results": [one.as_dict(number) for number, one in enumerate(made.results, 1)],
        "usage": {
            "prompt_tokens": usage["input_tokens"],
            "completion_tokens": usage["output_tokens"],
            "total_tokens": usage["total_tokens"],
            "cost": {
                "input_tokens_cost": parts["input_cost"],
                "output_tokens_cost": parts["output_cost"],
                "request_cost": parts["tool_calls_cost"],
                "total_cost": parts["total_cost"],
            },
        },
    }


async def chat(request: Request) -> Response:
    """``POST /chat/completions`` as it was before the Agent API."""
    return await handle(request, "perplexity", "", _chat, perplexity_error)


def routes() -> list[Route]:
    return [
        Route("/v1/agent", agent, methods=["POST"]),
        Route("/v1/responses", agent, methods=["POST"]),
        Route("/v1/responses/{id}", poll, methods=["GET"]),
        Route("/chat/completions", chat, methods=["POST"]),
    ]
