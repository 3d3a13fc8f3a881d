"""Stand-in for Ollama at its own wire: ``/api/chat``, its stream of lines, ``/api/embed``, ``/api/tags``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.providers.embeddings import embed
from sandbox.providers.openai.chat import Completion, complete
from sandbox.providers.openai.request import ChatRequest
from sandbox.wire import dumps, json_answer, sent_events

_PREFIX = "/ollama"
_PIECE = 90
_FIELDS = frozenset(
    ["model", "messages", "stream", "format", "options", "tools", "think", "keep_alive", "tool_choice"]
)


def ollama_error(status: int, message: str, retry_after: float | None = None) -> Response:
    """Ollama's error: a text and nothing else."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return json_answer({"error": message}, status, headers)


def _check_key(request: Request) -> None:
    """Nobody needs a key of it; one that a proxy before it refuses is ``bad-key``."""
    if request.headers.get("authorization", "").endswith("bad-key"):
        raise Refused(ollama_error(401, "unauthorized"))


def _row(exchange: Exchange) -> dict[str, Any]:
    exchange.model = str(exchange.body.get("model") or "")
    row = prices.of_provider("ollama", exchange.model)
    if row is None:
        raise Refused(ollama_error(404, f"model '{exchange.model}' not found"))
    return row


def _read(exchange: Exchange) -> ChatRequest:
    _check_key(exchange.request)
    row, body = _row(exchange), exchange.body
    messages, form = body.get("messages"), body.get("format")
    if not isinstance(messages, list) or not messages:
        raise Refused(ollama_error(400, "messages are missing"))
    if form not in (None, "", "json") and not isinstance(form, dict):
        raise Refused(ollama_error(400, f"invalid format: {form}"))
    options = body.get("options") or {}
    told: dict[str, Any] = {"messages": messages, "max_tokens": options.get("num_predict")}
    if form:
        schema = {"type": "json_schema", "json_schema": {"schema": form}}
        told["response_format"] = {"type": "json_object"} if form == "json" else schema
    return ChatRequest(told, row)


def _line(exchange: Exchange, text: str, **end: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    at = datetime.now(UTC).isoformat()
    return {"model": exchange.model, "created_at": at, "message": message, "done": bool(end), **end}


def _end(made: Completion) -> dict[str, Any]:
    usage = made.usage()
    return {
        "done_reason": "stop" if made.finish == "content_filter" else made.finish,
        "total_duration": 1_000_000,
        "prompt_eval_count": usage["prompt_tokens"],
        "eval_count": usage["completion_tokens"],
    }


async def _chat(exchange: Exchange) -> Response:
    asked = _read(exchange)
    made = complete(exchange, asked)
    if exchange.fault_type == "failed":
        raise Refused(ollama_error(500, "llama runner process has terminated"))
    streamed = exchange.body.get("stream", True)
    pieces = [made.text[at : at + _PIECE] for at in range(0, len(made.text), _PIECE)]
    sent = sent_events(len(pieces) + 1)
    seen = "".join(pieces[:sent]) if exchange.fault_type == "cut" and streamed else made.text
    exchange.charge("text", made.units(seen), made.id, exchange.hash(asked.identity()))
    if not streamed:
        return exchange.answer(_line(exchange, made.text, **_end(made)))
    lines = [*(_line(exchange, piece) for piece in pieces), _line(exchange, "", **_end(made))]
    return exchange.send([dumps(one) + b"\n" for one in lines], "application/x-ndjson", stream=True)


async def _embed(exchange: Exchange) -> Response:
    _check_key(exchange.request)
    row, given = _row(exchange), exchange.body.get("input")
    texts = [given] if isinstance(given, str) else given
    if "dimensions" not in row or not isinstance(texts, list) or not texts:
        raise Refused(ollama_error(400, "this model does not support embeddings, or there is no input"))
    used = sum(tokens.count(str(text)) for text in texts)
    key = exchange.hash(texts)
    exchange.charge("embedding", {"input_tokens": used}, f"sandbox-{key[:20]}", key)
    vectors = [embed(str(text), row["dimensions"], exchange.state.seed) for text in texts]
    return exchange.answer({"model": exchange.model, "embeddings": vectors, "prompt_eval_count": used})


async def chat(request: Request) -> Response:
    """``POST /api/chat``."""
    return await handle(request, "ollama", "", _chat, ollama_error)


async def embeddings(request: Request) -> Response:
    """``POST /api/embed``."""
    return await handle(request, "ollama", "", _embed, ollama_error)


async def tags(request: Request) -> Response:
    """``GET /api/tags``: the models that are here."""
    return json_answer({"models": [{"name": name, "model": name} for name in prices.served("ollama")]})


def routes() -> list[Route]:
    return [
        Route(f"{_PREFIX}/api/chat", chat, methods=["POST"]),
        Route(f"{_PREFIX}/api/embed", embeddings, methods=["POST"]),
        Route(f"{_PREFIX}/api/tags", tags, methods=["GET"]),
    ]
