"""Stand-in for Anthropic: messages, their stream, the list of models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.prose.brief import Brief
from sandbox.providers.answers import spoiled, thought_tokens, written
from sandbox.providers.anthropic.request import MessageRequest, anthropic_error, check_key, head, read
from sandbox.wire import dumps, json_answer, sent_events

_PIECE = 90
_THOUGHT = "Sandbox: no real thinking."
_SIGNATURE = "c2FuZGJveA=="


@dataclass(frozen=True)
class Message:
    """A finished answer and what it used; ``tool`` is the tool that ``text`` holds the input for."""

    id: str
    text: str
    thoughts: int
    input_tokens: int
    cached: int
    cache_write: int
    stop: str
    tool: str = ""
    shows_thinking: bool = False
    stop_sequence: str | None = None

    def usage(self, text: str | None = None) -> dict[str, Any]:
        """Usage after ``text`` has been sent; after all of it by default."""
        return {
            "input_tokens": self.input_tokens - self.cached - self.cache_write,
            "cache_creation_input_tokens": self.cache_write,
            "cache_read_input_tokens": self.cached,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache_write,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": tokens.count(self.text if text is None else text) + self.thoughts,
            "service_tier": "standard",
        }

    def units(self, text: str | None = None) -> dict[str, int | float]:
        usage = self.usage(text)
        return {
            "input_tokens": usage["input_tokens"],
            "cached_tokens": self.cached,
            "cache_write_tokens": self.cache_write,
            "output_tokens": usage["output_tokens"],
            "thinking_tokens": self.thoughts,
        }


def _cached(exchange: Exchange, asked: MessageRequest) -> tuple[int, int]:
    """What is marked with ``cache_control`` and long enough is read from the cache, or written to it."""
    prompt, ends = asked.prompt
    long = [end for end in ends if tokens.count(prompt[:end]) >= asked.row["cache_from"]]
    return exchange.state.prompt_cache.use(exchange.model, prompt, long)


def _content(exchange: Exchange, asked: MessageRequest, key: str) -> str:
    text = exchange.state.answers.get(key)
    if text is None:
        tool = asked.called
        schema = tool["input_schema"] if tool else asked.schema
        text = exchange.state.remember(key, written(Brief(key, asked.text), schema, False))
    return spoiled(str(text), exchange.fault_type, asked.schema is not None or asked.called is not None)


def _stopped(text: str, asked: MessageRequest) -> tuple[str, str | None]:
    """The text up to the first stop sequence in it, and which that was."""
    found = [(text.find(stop), stop) for stop in asked.body.get("stop_sequences") or [] if stop in text]
    if not found:
        return text, None
    at, stop = min(found)
    return text[:at], stop


def answer(exchange: Exchange, asked: MessageRequest) -> Message:
    """The message, the same for the same request."""
    fault = exchange.fault_type
    key = exchange.hash(asked.identity())
    text, tool = _content(exchange, asked, key), asked.called
    text, stop_sequence = _stopped(text, asked)
    stop = "tool_use" if tool else ("stop_sequence" if stop_sequence else "end_turn")
    thoughts = min(thought_tokens(asked.effort, key), asked.limit) if asked.thinks else 0
    limit = asked.limit - thoughts
    if fault == "max_tokens":
        limit = min(limit, tokens.count(text) // 2)
    if tokens.count(text) > limit:
        text, stop = tokens.first(text, limit), "max_tokens"
    if fault in ("safety", "prompt_block"):
        stop, tool = "refusal", None
    cached, cache_write = _cached(exchange, asked)
    name = str(tool["name"]) if tool else ""
    return Message(
        f"msg_sandbox_{key[:20]}",
        text,
        thoughts,
        asked.input_tokens,
        cached,
        cache_write,
        stop,
        name,
        asked.thinks,
        stop_sequence,
    )


def _whole(text: str) -> Any:
    """The input of a tool; half an input is none."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _blocks(made: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if made.shows_thinking:
        blocks.append({"type": "thinking", "thinking": _THOUGHT, "signature": _SIGNATURE})
    if made.tool:
        name = {"id": f"toolu_{made.id[-20:]}", "name": made.tool}
        blocks.append({"type": "tool_use", **name, "input": _whole(made.text)})
    elif made.text:
        blocks.append({"type": "text", "text": made.text})
    return blocks


def _message(exchange: Exchange, made: Message) -> dict[str, Any]:
    return {
        "id": made.id,
        "type": "message",
        "role": "assistant",
        "model": exchange.model,
        "content": _blocks(made),
        "stop_reason": made.stop,
        "stop_sequence": made.stop_sequence,
        "usage": made.usage(),
    }


def _deltas(block: dict[str, Any], text: str) -> Iterator[tuple[dict[str, Any], str]]:
    """What is added to a block by each event, and the text it carries."""
    if block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}, ""
        yield {"type": "signature_delta", "signature": block["signature"]}, ""
        return
    kind, name = (
        ("input_json_delta", "partial_json") if block["type"] == "tool_use" else ("text_delta", "text")
    )
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        yield {"type": kind, name: piece}, piece


def _events(exchange: Exchange, made: Message) -> Iterator[tuple[dict[str, Any], str]]:
    """Every event of a stream, and the text it carries."""
    begun = {**_message(exchange, made), "content": [], "stop_reason": None, "stop_sequence": None}
    begun["usage"] = {**made.usage(), "output_tokens": 1}
    yield {"type": "message_start", "message": begun}, ""
    for index, block in enumerate(_blocks(made)):
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        opened = {**block, **{name: value for name, value in empty.items() if name in block}}
        yield {"type": "content_block_start", "index": index, "content_block": opened}, ""
        if index == 0:
            yield {"type": "ping"}, ""
        for delta, piece in _deltas(block, made.text):
            yield {"type": "content_block_delta", "index": index, "delta": delta}, piece
        yield {"type": "content_block_stop", "index": index}, ""
    delta = {"stop_reason": made.stop, "stop_sequence": made.stop_sequence}
    yield {"type": "message_delta", "delta": delta, "usage": made.usage()}, ""
    yield {"type": "message_stop"}, ""


def _stream(exchange: Exchange, asked: MessageRequest, made: Message) -> Response:
    events = list(_events(exchange, made))
    sent = sent_events(len(events))
    seen = made.text
    if exchange.fault_type in ("cut", "failed"):
        seen = "".join(piece for _, piece in events[:sent])
    if exchange.fault_type == "failed":
        error = {"type": "overloaded_error", "message": "Overloaded"}
        events = [*events[:sent], ({"type": "error", "error": error}, "")]
    exchange.charge("text", made.units(seen), made.id, exchange.hash(asked.identity()))
    lines = [
        b"event: " + event["type"].encode() + b"\ndata: " + dumps(event) + b"\n\n" for event, _ in events
    ]
    return exchange.send(lines, "text/event-stream; charset=utf-8", stream=True, headers=head())


async def _messages(exchange: Exchange) -> Response:
    asked = read(exchange)
    made = answer(exchange, asked)
    if asked.body.get("stream"):
        return _stream(exchange, asked, made)
    if exchange.fault_type == "failed":
        raise Refused(anthropic_error(500, "Internal server error"))
    exchange.charge("text", made.units(), made.id, exchange.hash(asked.identity()))
    return exchange.answer(_message(exchange, made), head())


async def messages(request: Request) -> Response:
    """``POST /v1/messages``."""
    return await handle(request, "anthropic", "", _messages, anthropic_error)


async def count_tokens(request: Request) -> Response:
    """``POST /v1/messages/count_tokens``: free of charge."""
    return await handle(request, "anthropic", "", _count, anthropic_error)


async def _count(exchange: Exchange) -> Response:
    exchange.body = {"max_tokens": 1, **exchange.body}
    return exchange.answer({"input_tokens": read(exchange).input_tokens}, head())


async def list_models(request: Request) -> Response:
    """``GET /v1/models`` with an ``x-api-key``."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    names = prices.served("anthropic")
    data = [
        {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
        for name in names
    ]
    return json_answer(
        {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}, headers=head()
    )


def routes() -> list[Route]:
    return [
        Route("/v1/messages", messages, methods=["POST"]),
        Route("/v1/messages/count_tokens", count_tokens, methods=["POST"]),
    ]
