"""Grounding with Google Search: an answer from the web, with where each sentence of it comes from."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.exchange import Exchange
from sandbox.prose.brief import Brief
from sandbox.providers.gemini.request import GeminiRequest
from sandbox.sites import search
from sandbox.state import base_url
from sandbox.wire import MARK

_MARKED = re.compile(r"(?P<text>[^\[\]]+?)\s*\[(?P<number>\d+)\]\s?", re.DOTALL)
_REDIRECT = "/grounding-api-redirect/"


@dataclass(frozen=True)
class Grounded:
    """An answer with its ``groundingMetadata``, and how many searches it took."""

    text: str
    metadata: dict[str, Any]
    searches: int

    def within(self, text: str) -> dict[str, Any]:
        """The metadata for what was sent in the end: its sentences only where they stand in it."""
        size = len(text.encode())
        kept = [
            one
            for one in self.metadata["groundingSupports"]
            if self.text.startswith(text) and one["segment"]["endIndex"] <= size
        ]
        return {**self.metadata, "groundingSupports": kept}


def ground(exchange: Exchange, asked: GeminiRequest, key: str) -> Grounded:
    """Search for the answer. Pages are named as Google names them: by a redirect and the site's host."""
    host = base_url(exchange.request)
    found = search.answer(Brief(key, asked.text), (), host, True)
    text, supports = _supports(found.text)
    chunks = [
        {"web": {"uri": _redirect(one.url, host), "title": urlsplit(one.url).netloc}} for one in found.results
    ]
    queries = list(dict.fromkeys(found.queries))
    suggestions = "".join(f'<a class="chip">{query}</a>' for query in queries)
    metadata = {
        "searchEntryPoint": {"renderedContent": f'<div class="container">{suggestions}</div>'},
        "groundingChunks": chunks,
        "groundingSupports": supports,
        "webSearchQueries": queries,
    }
    # up to Gemini 2.5 a grounded prompt is one search on the bill, after it every query is
    per_prompt = exchange.model.startswith("gemini-2.")
    return Grounded(text, metadata, 1 if per_prompt else len(queries))


def _supports(marked: str) -> tuple[str, list[dict[str, Any]]]:
    """Take marks such as [1] out of a text; where a segment begins and ends is counted in bytes."""
    text, supports, at = "", [], 0
    for match in _MARKED.finditer(marked):
        lead = match["text"]
        start = len((text + lead[: len(lead) - len(lead.lstrip())]).encode())
        text += lead
        segment: dict[str, Any] = {"startIndex": start} if start else {}
        segment |= {"endIndex": len(text.encode()), "text": lead.strip()}
        supports.append({"segment": segment, "groundingChunkIndices": [int(match["number"]) - 1]})
        at = match.end()
        text += marked[match.end("number") + 1 : at]
    return text + marked[at:], supports


def _redirect(url: str, host: str) -> str:
    path = url.removeprefix(host)
    return host + _REDIRECT + base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


async def follow(request: Request) -> Response:
    """``GET /grounding-api-redirect/{token}``: on to the page itself."""
    token = str(request.path_params["token"])
    try:
        path = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        path = ""
    if not path.startswith("/sites/"):
        return Response("not found", 404, MARK)
    return RedirectResponse(path, 302, MARK)


def routes() -> list[Route]:
    return [Route(_REDIRECT + "{token}", follow, methods=["GET", "HEAD"])]
