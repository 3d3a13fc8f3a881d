"""Stand-in for Gemini on Vertex AI: the paths of a project, and tokens that are fetched before."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.providers.embeddings import embed
from sandbox.providers.gemini.request import gemini_error
from sandbox.providers.gemini.text import METHODS
from sandbox.wire import json_answer

_TOKEN = "ya29.sandbox"
_MODEL = "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"


async def subject(request: Request) -> Response:
    """``GET /vertex_ai/subject``: who asks, as a cloud's own metadata would say it."""
    return json_answer({"token": "sandbox"})


async def token(request: Request) -> Response:
    """``POST /vertex_ai/token``: an access token for the subject's, by OAuth 2.0 token exchange."""
    given = parse_qs((await request.body()).decode())
    if given.get("subject_token") != ["sandbox"]:
        return json_answer({"error": "invalid_grant", "error_description": "The subject is unknown."}, 400)
    issued = "urn:ietf:params:oauth:token-type:access_token"
    made = {"access_token": _TOKEN, "issued_token_type": issued, "token_type": "Bearer", "expires_in": 3600}
    return json_answer(made)


def _check_token(request: Request) -> None:
    if request.headers.get("authorization", "") != f"Bearer {_TOKEN}":
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
        raise Refused(gemini_error(401, message))


async def _predict(exchange: Exchange) -> Response:
    """Embeddings: an instance a text, and its tokens beside its vector."""
    instances: list[dict[str, Any]] = exchange.body.get("instances") or []
    texts = [str(one.get("content") or "") for one in instances]
    if not texts or not all(texts):
        raise Refused(gemini_error(400, "The text content is empty."))
    size = int((exchange.body.get("parameters") or {}).get("outputDimensionality") or 3072)
    counted = [tokens.count(text) for text in texts]
    key = exchange.hash(texts, size)
    exchange.charge("embedding", {"input_tokens": sum(counted)}, f"sandbox-{key[:20]}", key)
    made = [
        {
            "embeddings": {
                "values": embed(text, size, exchange.state.seed),
                "statistics": {"token_count": used, "truncated": False},
            }
        }
        for text, used in zip(texts, counted, strict=True)
    ]
    return exchange.answer({"predictions": made})


_METHODS = {name: METHODS[name] for name in ("generateContent", "streamGenerateContent")} | {
    "predict": _predict
}


async def call_model(request: Request) -> Response:
    """``POST /v1/projects/{p}/locations/{l}/publishers/google/models/{model}:{method}``."""
    model, _, method = str(request.path_params["model"]).rpartition(":")
    try:
        _check_token(request)
        if method not in _METHODS or prices.of_provider("vertex_ai", model) is None:
            raise Refused(gemini_error(404, f"Publisher Model `{model}` was not found or is not served."))
    except Refused as refused:
        return refused.response
    return await handle(request, "vertex_ai", model, _METHODS[method], gemini_error)


def routes() -> list[Route]:
    return [
        Route("/vertex_ai/subject", subject, methods=["GET"]),
        Route("/vertex_ai/token", token, methods=["POST"]),
        Route(_MODEL, call_model, methods=["POST"]),
    ]
