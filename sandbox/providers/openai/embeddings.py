"""Stand-in for the embeddings of OpenAI and those who speak its wire."""

from __future__ import annotations

import base64
import math
import struct
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.providers.embeddings import embed
from sandbox.providers.openai.dialects import DIALECTS, Dialect
from sandbox.providers.openai.request import check_model, head, only, refuse

_FIELDS = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
_TOKENS, _INPUTS = 8192, 2048


def _inputs(exchange: Exchange) -> list[str]:
    given = exchange.body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) and one for one in texts):
        raise refuse(
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."
        )
    if len(texts) > _INPUTS:
        raise refuse(f"Invalid 'input': array too long. Expected at most {_INPUTS}.", "input")
    longest = max(tokens.count(one) for one in texts)
    if longest > _TOKENS:
        raise refuse(
            f"This model's maximum context length is {_TOKENS} tokens, however you requested {longest}."
        )
    return texts


def _vector(text: str, size: int, exchange: Exchange) -> list[float] | str:
    values = embed(text, size, exchange.state.seed)
    length = math.sqrt(sum(one * one for one in values)) or 1.0
    values = [one / length for one in values]
    if exchange.body.get("encoding_format") == "base64":
        return base64.b64encode(struct.pack(f"<{size}f", *values)).decode()
    return values


def _answer(exchange: Exchange, dialect: Dialect) -> Response:
    dialect.check_key(exchange.request)
    row = check_model(exchange, "embedding")
    if not dialect.lenient:
        only(exchange.body, _FIELDS - dialect.lacks)
    texts = _inputs(exchange)
    size = int(exchange.body.get("dimensions") or row["dimensions"])
    if not 1 <= size <= row["dimensions"]:
        raise refuse(
            f"Invalid value for 'dimensions' = {size}. Must be at most {row['dimensions']}.", "dimensions"
        )
    used = sum(tokens.count(text) for text in texts)
    key = exchange.hash(texts, size)
    exchange.charge("embedding", {"input_tokens": used}, f"sandbox-{key[:20]}", key)
    data = [
        {"object": "embedding", "index": number, "embedding": _vector(text, size, exchange)}
        for number, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": used, "total_tokens": used}
    return exchange.answer({"object": "list", "data": data, "model": exchange.model, "usage": usage}, head())


async def _embeddings(exchange: Exchange, dialect: Dialect) -> Response:
    try:
        exchange.body.update(exchange.request.path_params)
        return _answer(exchange, dialect)
    except Refused as refused:
        raise dialect.refused(refused) from None


async def embeddings(request: Request, dialect: Dialect) -> Response:
    """``POST …/embeddings``; Azure names the model in the path."""
    return await handle(request, dialect.provider, "", partial(_embeddings, dialect=dialect), dialect.error)


def routes() -> list[Route]:
    return [
        Route(f"{each.prefix}/embeddings", partial(embeddings, dialect=each), methods=["POST"])
        for each in DIALECTS
    ]
