"""Stand-in for the Gemini API: generateContent, its stream, embeddings, countTokens, list of models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.prose.brief import Brief
from sandbox.providers.answers import spoiled, thought_tokens, written
from sandbox.providers.embeddings import embed
from sandbox.providers.gemini import media as gemini_media
from sandbox.providers.gemini.grounding import Grounded, ground
from sandbox.providers.gemini.request import (
    GeminiRequest,
    camel_keys,
    check_key,
    check_model,
    gemini_error,
    read,
)
from sandbox.wire import dumps, json_answer, sent_events

_PIECE = 90


@dataclass(frozen=True)
class Generated:
    """A finished answer and what it used. ``finish`` is Google's finish reason."""

    text: str
    thoughts: int
    input_tokens: int
    finish: str
    response_id: str
    blocked: str = ""
    grounding: dict[str, Any] | None = None
    searches: int = 0

    def usage(self, text: str | None = None) -> dict[str, Any]:
        """Usage after ``text`` has been sent; after all of it by default."""
        output = tokens.count(self.text if text is None else text)
        usage: dict[str, Any] = {
            "promptTokenCount": self.input_tokens,
            "candidatesTokenCount": output,
            "totalTokenCount": self.input_tokens + output + self.thoughts,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": self.input_tokens}],
        }
        if self.thoughts:
            usage["thoughtsTokenCount"] = self.thoughts
        return usage

    def units(self, text: str | None = None) -> dict[str, int | float]:
        usage = self.usage(text)
        thinking = usage.get("thoughtsTokenCount", 0)
        searched = {"searches": self.searches} if self.searches else {}
        return {
            "input_tokens": usage["promptTokenCount"],
            "output_tokens": usage["candidatesTokenCount"] + thinking,
            "thinking_tokens": thinking,
            **searched,
        }

    @property
    def kind(self) -> str:
        return "search" if self.searches else "text"


def _thoughts(asked: GeminiRequest, key: str) -> int:
    if asked.thinking.get("thinkingBudget") == 0:
        return 0
    return thought_tokens(str(asked.thinking.get("thinkingLevel") or "MEDIUM"), key)


def _answer(exchange: Exchange, asked: GeminiRequest, key: str) -> tuple[str, Grounded | None]:
    """The text, and what it is grounded in where Google Search was asked for and used."""
    grounded = None
    brief = Brief(key, asked.text)
    if asked.searches and exchange.fault_type != "no_search":
        grounded = ground(exchange, asked, key)
        brief = Brief(key, f"{asked.text}\n\n{grounded.text}", brief.language)
    if grounded and not asked.wants_json:
        return grounded.text, grounded
    text = exchange.state.answers.get(key)
    if text is None:
        text = exchange.state.remember(key, written(brief, asked.schema, asked.wants_json))
    return str(text), grounded


def generate(exchange: Exchange, asked: GeminiRequest) -> Generated:
    """The answer to a text request, the same for the same request."""
    key = exchange.hash(asked.identity())
    text, grounded = _answer(exchange, asked, key)
    fault = exchange.fault_type
    thoughts = min(_thoughts(asked, key), asked.limit)
    finish, limit = "STOP", asked.limit - thoughts
    text = spoiled(text, fault, asked.wants_json)
    if fault == "safety":
        finish = "SAFETY"
    elif fault == "failed":
        text, finish = text[: len(text) // 2], "OTHER"
    elif fault == "max_tokens":
        limit = min(limit, tokens.count(text) // 2)
    if tokens.count(text) > limit:
        text, finish = tokens.first(text, limit), "MAX_TOKENS"
    for stop in asked.config.get("stopSequences") or []:
        text = text.split(stop)[0]
    blocked = "SAFETY" if fault == "prompt_block" else ""
    made = Generated(text, thoughts, asked.input_tokens, finish, f"sandbox-{key[:20]}", blocked)
    if grounded is None or blocked:
        return made
    return replace(made, grounding=grounded.within(text), searches=grounded.searches)


def _chunk(exchange: Exchange, made: Generated, text: str, sent: str, last: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "usageMetadata": made.usage(sent),
        "modelVersion": exchange.model,
        "responseId": made.response_id,
    }
    if made.blocked:
        return {"promptFeedback": {"blockReason": made.blocked, "safetyRatings": []}, **answer}
    candidate: dict[str, Any] = {"content": {"role": "model"}, "index": 0}
    if text:
        part = {"text": text}
        if last:
            part["thoughtSignature"] = "c2FuZGJveA=="
        candidate["content"]["parts"] = [part]
    if last:
        candidate |= {"finishReason": made.finish, "safetyRatings": []}
        if made.grounding:
            candidate["groundingMetadata"] = made.grounding
    return {"candidates": [candidate], **answer}


def _with_thoughts(answer: dict[str, Any], asked: GeminiRequest) -> dict[str, Any]:
    """Put a summary of the thinking before the text where it was asked for."""
    if asked.thinking.get("includeThoughts") and answer.get("candidates"):
        content = answer["candidates"][0]["content"]
        content["parts"] = [
            {"text": "Sandbox: no real thinking.", "thought": True},
            *content.get("parts", []),
        ]
    return answer


def _stream(exchange: Exchange, made: Generated) -> Iterator[dict[str, Any]]:
    """The answer in chunks; usage grows, the finish reason comes last."""
    pieces = [made.text[at : at + _PIECE] for at in range(0, len(made.text), _PIECE)] or [""]
    sent = ""
    for index, piece in enumerate(pieces):
        sent += piece
        yield _chunk(exchange, made, piece, sent, last=index == len(pieces) - 1)


async def _generate_content(exchange: Exchange) -> Response:
    asked = read(exchange)
    if asked.wants_image or prices.sells(exchange.model, "image"):
        return await gemini_media.image(exchange, asked)
    made = generate(exchange, asked)
    exchange.charge(made.kind, made.units(), made.response_id, exchange.hash(asked.identity()))
    return exchange.answer(_with_thoughts(_chunk(exchange, made, made.text, made.text, last=True), asked))


async def _stream_content(exchange: Exchange) -> Response:
    asked = read(exchange)
    made = generate(exchange, asked)
    chunks = list(_stream(exchange, made))
    # what a cut stream costs is what had been generated by then, as the last usage that was sent says
    seen = made.text[: sent_events(len(chunks)) * _PIECE] if exchange.fault_type == "cut" else made.text
    exchange.charge(made.kind, made.units(seen), made.response_id, exchange.hash(asked.identity()))
    if exchange.request.query_params.get("alt") != "sse":
        return exchange.answer(chunks)
    return exchange.send(
        [b"data: " + dumps(one) + b"\r\n\r\n" for one in chunks], "text/event-stream", stream=True
    )


def _embed_text(request: dict[str, Any]) -> str:
    content = request.get("content") or {}
    parts = content.get("parts") or [] if isinstance(content, dict) else []
    return "\n".join(str(part.get("text") or "") for part in parts)


def _values(exchange: Exchange, text: str, request: dict[str, Any]) -> dict[str, Any]:
    config = camel_keys(request.get("embedContentConfig") or {})
    size = int(request.get("outputDimensionality") or config.get("outputDimensionality") or 3072)
    if not 1 <= size <= 3072:
        raise Refused(gemini_error(400, "output_dimensionality must be between 1 and 3072."))
    return {"values": embed(text, size, exchange.state.seed)}


async def _embed(exchange: Exchange) -> Response:
    batch = exchange.body.get("requests")
    requests = [camel_keys(one) for one in (batch if isinstance(batch, list) else [exchange.body])]
    texts = [_embed_text(one) for one in requests]
    if not texts or any(not text for text in texts):
        raise Refused(gemini_error(400, "* EmbedContentRequest.content: empty content"))
    used = sum(tokens.count(text) for text in texts)
    key = exchange.hash(requests)
    exchange.charge("embedding", {"input_tokens": used}, f"sandbox-{key[:20]}", key)
    vectors = [_values(exchange, text, one) for text, one in zip(texts, requests, strict=True)]
    answer = {"embeddings": vectors} if batch is not None else {"embedding": vectors[0]}
    return exchange.answer({**answer, "usageMetadata": {"promptTokenCount": used}})


async def _count(exchange: Exchange) -> Response:
    body = camel_keys(exchange.body)
    exchange.body = body.get("generateContentRequest") or body
    return exchange.answer({"totalTokens": read(exchange).input_tokens})


METHODS = {
    "generateContent": _generate_content,
    "streamGenerateContent": _stream_content,
    "embedContent": _embed,
    "batchEmbedContents": _embed,
    "countTokens": _count,
    "predictLongRunning": gemini_media.submit_veo,
}


async def call_model(request: Request) -> Response:
    """``POST /{v1|v1beta}/models/{model}:{method}``."""
    model, _, method = str(request.path_params["model"]).rpartition(":")
    try:
        check_key(request)
        if method not in METHODS:
            raise Refused(gemini_error(404, f"Method {method or model} not found."))
        check_model(model)
    except Refused as refused:
        return refused.response
    return await handle(request, "gemini", model, METHODS[method], gemini_error)


async def list_models(request: Request) -> Response:
    """``GET /v1beta/models``: the cheapest way for a client to see whether its key is good."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    names = prices.served("gemini")
    return json_answer({"models": [{"name": f"models/{name}", "version": "001"} for name in names]})


async def get_model(request: Request) -> Response:
    name = str(request.path_params["model"])
    try:
        check_key(request)
        check_model(name)
    except Refused as refused:
        return refused.response
    return json_answer({"name": f"models/{name}", "version": "001", "inputTokenLimit": 1_048_576})


def routes() -> list[Route]:
    made = [Route("/v1beta/models", list_models, methods=["GET"])]
    for version in ("v1", "v1beta"):
        made += [
            Route(f"/{version}/models/{{model}}", call_model, methods=["POST"]),
            Route(f"/{version}/models/{{model}}", get_model, methods=["GET"]),
        ]
    return made + gemini_media.routes()
