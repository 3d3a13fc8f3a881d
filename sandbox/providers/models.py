"""``GET /v1/models``: three vendors answer under this path, and the headers say which of them is asked."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from sandbox.providers.anthropic import messages as anthropic
from sandbox.providers.gemini import text as gemini
from sandbox.providers.openai import chat as openai


async def list_models(request: Request) -> Response:
    """Anthropic by ``x-api-key``, OpenAI by a Bearer key, else Gemini."""
    if "x-api-key" in request.headers:
        return await anthropic.list_models(request)
    if "authorization" in request.headers:
        return await openai.list_models(request)
    return await gemini.list_models(request)
