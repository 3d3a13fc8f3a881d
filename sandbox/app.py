"""The sandbox's one application: every stand-in, the websites, the bill and the faults on one port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import TYPES, BadFault
from sandbox.providers import bedrock, brief_media, models, ollama, vertex
from sandbox.providers.anthropic import messages as anthropic
from sandbox.providers.gemini import grounding as gemini_grounding
from sandbox.providers.gemini import text as gemini
from sandbox.providers.openai import chat as openai
from sandbox.providers.openai import embeddings
from sandbox.providers.perplexity import agent as perplexity
from sandbox.sites import pages
from sandbox.state import State, base_url, state_of
from sandbox.wire import json_answer


async def bill(request: Request) -> Response:
    """``GET /sandbox/bill?since=ISO``: every line and the totals by provider."""
    return json_answer(state_of(request).bill.report(request.query_params.get("since", "")))


async def add_fault(request: Request) -> Response:
    """``POST /sandbox/faults``: one rule, or a list of them."""
    try:
        raw = await request.json()
        rules = [state_of(request).faults.add(one) for one in (raw if isinstance(raw, list) else [raw])]
    except (BadFault, ValueError, TypeError) as wrong:
        return json_answer({"error": {"message": str(wrong)}}, 400)
    return json_answer({"rules": [rule.describe() for rule in rules]}, 201)


async def list_faults(request: Request) -> Response:
    rules = [rule.describe() for rule in state_of(request).faults.rules]
    return json_answer({"rules": rules, "types": sorted(TYPES)})


async def clear_faults(request: Request) -> Response:
    state_of(request).faults.clear()
    return json_answer({"rules": []})


async def health(request: Request) -> Response:
    """``GET /sandbox``: that it is one, and where everything is."""
    state, root = state_of(request), base_url(request)
    return json_answer(
        {"sandbox": True, "seed": state.seed, "bill": f"{root}/sandbox/bill", "sites": pages.site_list(root)}
    )


def build_app(state: State) -> Starlette:
    """The ASGI application over one state."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        state.bill.close()

    routes = [
        Route("/sandbox", health, methods=["GET"]),
        Route("/sandbox/bill", bill, methods=["GET"]),
        Route("/sandbox/faults", add_fault, methods=["POST"]),
        Route("/sandbox/faults", list_faults, methods=["GET"]),
        Route("/sandbox/faults", clear_faults, methods=["DELETE"]),
        *perplexity.routes(),
        *brief_media.routes(),
        Route("/v1/models", models.list_models, methods=["GET"]),
        *openai.routes(),
        *embeddings.routes(),
        *anthropic.routes(),
        *ollama.routes(),
        *bedrock.routes(),
        *vertex.routes(),
        *gemini.routes(),
        *gemini_grounding.routes(),
        *pages.routes(),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.sandbox = state
    return app
