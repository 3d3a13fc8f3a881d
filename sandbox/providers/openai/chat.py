"""Stand-in for OpenAI and those who speak its wire: chat completions, their stream, the list of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.prose.brief import Brief
from sandbox.providers.answers import spoiled, thought_tokens, written
from sandbox.providers.openai.dialects import DIALECTS, OPENAI, Dialect
from sandbox.providers.openai.request import ChatRequest, check_key, head, openai_error, read, refuse
from sandbox.wire import dumps, json_answer, sent_events

_PIECE = 90
_CACHED_FROM, _CACHED_STEP = 1024, 128


@dataclass(frozen=True)
class Completion:
    """A finished answer and what it used; ``call`` is the function that ``text`` holds the arguments for."""

    id: str
    text: str
    thoughts: int
    input_tokens: int
    cached: int
    cache_write: int
    finish: str
    call: str = ""
    refusal: str = ""

    def usage(self, text: str | None = None) -> dict[str, Any]:
        """Usage after ``text`` has been sent; after all of it by default."""
        output = tokens.count(self.text if text is None else text) + self.thoughts
        details = {"cached_tokens": self.cached, "audio_tokens": 0}
        if self.cache_write:
            details["cache_write_tokens"] = self.cache_write
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": output,
            "total_tokens": self.input_tokens + output,
            "prompt_tokens_details": details,
            "completion_tokens_details": {
                "reasoning_tokens": self.thoughts,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def units(self, text: str | None = None) -> dict[str, int | float]:
        usage = self.usage(text)
        return {
            "input_tokens": self.input_tokens - self.cached - self.cache_write,
            "cached_tokens": self.cached,
            "cache_write_tokens": self.cache_write,
            "output_tokens": usage["completion_tokens"],
            "thinking_tokens": self.thoughts,
        }


def _cached(exchange: Exchange, asked: ChatRequest) -> tuple[int, int]:
    """Prefixes of 1,024 tokens and more are cached by themselves, in steps of 128."""
    steps = range(_CACHED_FROM, asked.input_tokens + 1, _CACHED_STEP)
    known, fresh = exchange.state.prompt_cache.use(
        exchange.model, asked.prompt, [int(step * tokens.CHARACTERS) for step in steps]
    )
    return known, fresh if "cache_write" in asked.row else 0


def _content(exchange: Exchange, asked: ChatRequest, key: str) -> str:
    text = exchange.state.answers.get(key)
    if text is None:
        call = asked.called
        schema = (call.get("parameters") or {"type": "object"}) if call else asked.schema
        text = exchange.state.remember(key, written(Brief(key, asked.text), schema, asked.wants_json))
    return spoiled(str(text), exchange.fault_type, asked.wants_json or asked.called is not None)


def complete(exchange: Exchange, asked: ChatRequest) -> Completion:
    """The answer to a chat, the same for the same request."""
    fault = exchange.fault_type
    if fault == "prompt_block":
        message = "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
        raise refuse(message, code="invalid_prompt")
    key = exchange.hash(asked.identity())
    text, call = _content(exchange, asked, key), asked.called
    thoughts = min(thought_tokens(asked.effort, key), asked.limit)
    limit = (
        min(asked.limit - thoughts, tokens.count(text) // 2)
        if fault == "max_tokens"
        else asked.limit - thoughts
    )
    finish = "tool_calls" if call and not asked.forced else "stop"
    stops = asked.body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop)[0]
    if tokens.count(text) > limit:
        text, finish = tokens.first(text, limit), "length"
    if fault == "failed":
        text = text[: len(text) // 2]
    refusal = ""
    if fault == "safety":
        finish, refusal = (
            ("stop", "I'm sorry, but I cannot assist with that request.")
            if asked.schema
            else ("content_filter", "")
        )
    cached, cache_write = _cached(exchange, asked)
    name = str(call["name"]) if call else ""
    return Completion(
        f"chatcmpl-sandbox-{key[:20]}",
        text,
        thoughts,
        asked.input_tokens,
        cached,
        cache_write,
        finish,
        name,
        refusal,
    )


def _message(made: Completion) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": made.text, "refusal": None, "annotations": []}
    if made.refusal:
        return {**message, "content": None, "refusal": made.refusal}
    if made.call:
        call = {
            "id": _call_id(made),
            "type": "function",
            "function": {"name": made.call, "arguments": made.text},
        }
        return {**message, "content": None, "tool_calls": [call]}
    return message


def _call_id(made: Completion) -> str:
    return f"call_{made.id[-20:]}"


def _envelope(exchange: Exchange, made: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": made.id,
        "object": kind,
        "created": int(datetime.now(UTC).timestamp()),
        "model": exchange.model,
        "service_tier": "default",
        "system_fingerprint": "fp_sandbox",
    }


def _deltas(made: Completion) -> Iterator[tuple[dict[str, Any], str]]:
    """What is added by each event, and the text it carries."""
    opening: dict[str, Any] = {"role": "assistant", "content": None if made.call else "", "refusal": None}
    if made.call:
        opening["tool_calls"] = [
            {
                "index": 0,
                "id": _call_id(made),
                "type": "function",
                "function": {"name": made.call, "arguments": ""},
            }
        ]
    yield opening, ""
    if made.refusal:
        yield {"refusal": made.refusal}, ""
    for at in range(0, len(made.text), _PIECE):
        piece = made.text[at : at + _PIECE]
        yield (
            (
                {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
                if made.call
                else {"content": piece}
            ),
            piece,
        )


def _choice(exchange: Exchange, made: Completion, dialect: Dialect) -> dict[str, Any]:
    """The end of an answer: why it ended, in the provider's words."""
    return {
        "index": 0,
        "logprobs": None,
        "finish_reason": dialect.finish(made.finish, exchange.fault_type),
        **dialect.choice(made.finish),
    }


def _stream(exchange: Exchange, asked: ChatRequest, made: Completion, dialect: Dialect) -> Response:
    envelope = _envelope(exchange, made, "chat.completion.chunk")
    with_usage = asked.with_usage or dialect.usage_always
    if with_usage:
        envelope["usage"] = None
    events: list[dict[str, Any]] = []
    pieces: list[str] = []
    for delta, piece in _deltas(made):
        events.append(
            {**envelope, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
        )
        pieces.append(piece)
    events.append({**envelope, "choices": [{**_choice(exchange, made, dialect), "delta": {}}]})
    if with_usage:
        events.append({**envelope, "choices": [], "usage": made.usage()})
    failed = exchange.fault_type == "failed" and not dialect.broken
    broken = failed or exchange.fault_type == "cut"
    sent = sent_events(len(events) + 1)
    seen = "".join(pieces[:sent]) if broken else made.text
    if failed:
        error = {"message": "The server had an error while processing your request.", "type": "server_error"}
        events = [*events[:sent], {"error": {**error, "param": None, "code": None}}]
    exchange.charge("text", made.units(seen), made.id, exchange.hash(asked.identity()))
    lines = [b"data: " + dumps(one) + b"\n\n" for one in events]
    return exchange.send(
        [*lines, b"data: [DONE]\n\n"], "text/event-stream; charset=utf-8", stream=True, headers=head()
    )


def _answer(exchange: Exchange, dialect: Dialect) -> Response:
    dialect.check_key(exchange.request)
    asked = read(exchange, dialect.fields)
    made = complete(exchange, asked)
    if asked.body.get("stream"):
        return _stream(exchange, asked, made, dialect)
    if exchange.fault_type == "failed" and not dialect.broken:
        raise Refused(openai_error(500, "The server had an error while processing your request."))
    exchange.charge("text", made.units(), made.id, exchange.hash(asked.identity()))
    choice = {**_choice(exchange, made, dialect), "message": _message(made)}
    answer = {**_envelope(exchange, made, "chat.completion"), "choices": [choice], "usage": made.usage()}
    return exchange.answer(answer, head())


async def _chat(exchange: Exchange, dialect: Dialect) -> Response:
    try:
        exchange.body.update(exchange.request.path_params)
        return _answer(exchange, dialect)
    except Refused as refused:
        raise dialect.refused(refused) from None


async def chat(request: Request, dialect: Dialect = OPENAI) -> Response:
    """``POST …/chat/completions``; Azure names the model in the path."""
    return await handle(request, dialect.provider, "", partial(_chat, dialect=dialect), dialect.error)


async def list_models(request: Request) -> Response:
    """``GET /v1/models`` with a Bearer key."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    data = [
        {"id": name, "object": "model", "created": 1700000000, "owned_by": "openai"}
        for name in prices.served("openai")
    ]
    return json_answer({"object": "list", "data": data}, headers=head())


def routes() -> list[Route]:
    return [
        Route(f"{each.prefix}/chat/completions", partial(chat, dialect=each), methods=["POST"])
        for each in DIALECTS
    ]
