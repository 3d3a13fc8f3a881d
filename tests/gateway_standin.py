"""A small provider of our own for the gateway's tests: it does what the prompt says, and keeps a bill.

The sandbox plays the providers in full; this one is for faults at an exact place, which it takes from words in
the prompt such as ``[429]`` or ``[hang]``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.media_bytes import MP4, PNG

TEXT = "Dobrý den, káva je hotová."
_PRICES = {"gemini-3.8-flash": ("0.75", "3.75"), "gemini-3.5-flash-lite": ("0.30", "2.50")}
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}


@dataclass
class Standin:
    """What came in, and what was billed in micro-USD."""

    base_url: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    bill: list[tuple[str, int]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    videos_end: bool = True
    file_is_there: bool = True
    tries: dict[str, int] = field(default_factory=dict)
    says: list[str] = field(default_factory=list)
    """What it answers next, in turn; after that what the prompt asks for."""

    @property
    def billed(self) -> int:
        return sum(cost for _, cost in self.bill)

    def paths(self, part: str) -> list[str]:
        return [path for path, _ in self.requests if part in path]


def _charge(standin: Standin, model: str, usage: dict[str, Any]) -> None:
    price_in, price_out = _PRICES.get(model, ("0.75", "3.75"))
    cached = usage.get("cachedContentTokenCount", 0)
    output = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    usd = (usage["promptTokenCount"] - cached) * Decimal(price_in) + output * Decimal(price_out)
    usd += cached * Decimal(price_in) / 10
    standin.bill.append((model, int(usd.to_integral_value("ROUND_HALF_UP"))))


def _schema_refused(body: dict[str, Any], text: str) -> Response | None:
    """Google's refusal of a schema: of any, or of one with bounds."""
    generation = body.get("generationConfig", {})
    schema = generation.get("response_json_schema") or generation.get("responseJsonSchema")
    bounded = "[no bounds]" in text and "maxItems" in json.dumps(schema)
    if not schema or not ("[no schema]" in text or bounded):
        return None
    said = "The specified schema produces a constraint that has too many states for serving."
    return JSONResponse(
        {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}, status_code=400
    )


class _App:
    def __init__(self, standin: Standin) -> None:
        self.standin = standin

    async def gemini(self, request: Request) -> Response:
        model, _, method = request.path_params["call"].rpartition(":")
        body = await request.json()
        text = json.dumps(body, ensure_ascii=False)
        self.standin.requests.append((request.url.path, body))
        if method == "batchEmbedContents":
            return self._embedded(model, body)
        if method == "predictLongRunning":
            return JSONResponse({"name": f"models/{model}/operations/op-1"})
        failed = self._failed(text, model)
        if failed is not None:
            return failed
        if refused := _schema_refused(body, text):
            return refused
        if "[hang]" in text:
            await asyncio.sleep(60)
        if "[slow]" in text:
            await asyncio.sleep(0.5)
        answer = _gemini_answer(text)
        if self.standin.says:
            answer["candidates"][0]["content"]["parts"] = [{"text": self.standin.says.pop(0)}]
        _charge(self.standin, model, answer["usageMetadata"])
        if "[broken body]" in text:
            return Response('{"candidates": [{"conte', media_type="application/json")
        if method == "streamGenerateContent":
            self.standin.tries[text] = self.standin.tries.get(text, 0) + 1
            cut = "[cut]" in text and not ("[once]" in text and self.standin.tries[text] > 1)
            return StreamingResponse(_events(answer, text, cut=cut), media_type="text/event-stream")
        return JSONResponse(answer)

    def _failed(self, text: str, model: str = "") -> Response | None:
        found = re.search(r"\[(once )?(\d{3})(?: at ([^\]\s]+))?\]", text)
        if not found or (found[3] and found[3] not in model):
            return None
        self.standin.tries[text] = self.standin.tries.get(text, 0) + 1
        if found[1] and self.standin.tries[text] > 1:
            return None
        status = int(found[2])
        error = {"code": status, "message": "said no", "status": _STATUS.get(status, "UNAVAILABLE")}
        headers = {"Retry-After": "0"} if found[1] else {"Retry-After": "60"}
        return JSONResponse({"error": error}, status_code=status, headers=headers)

    def _embedded(self, model: str, body: dict[str, Any]) -> Response:
        tokens = 5 * len(body["requests"])
        self.standin.bill.append((model, int((tokens * Decimal("0.15")).to_integral_value("ROUND_HALF_UP"))))
        vectors = [
            {"values": [4.0, -3.0] if "[far]" in str(each) else [3.0, 4.0]} for each in body["requests"]
        ]
        return JSONResponse({"embeddings": vectors, "usageMetadata": {"promptTokenCount": tokens}})

    async def agent(self, request: Request) -> Response:
        body = await request.json()
        self.standin.requests.append((request.url.path, body))
        if failed := self._failed(body["input"]):
            return failed
        if "[failed]" in body["input"]:
            return JSONResponse(
                {"id": "r", "status": "failed", "error": {"message": "tool broke"}, "output": []}
            )
        self.standin.bill.append(("perplexity/sonar", 5370))
        results = [{"id": 1, "url": "https://mlyn.example/", "title": "Mlýn", "snippet": "…", "date": None}]
        said = self.standin.says.pop(0) if self.standin.says else "Praží kávu. [1]"
        text = {"type": "output_text", "text": said, "annotations": []}
        usage = {
            "input_tokens": 3681,
            "output_tokens": 780,
            "total_tokens": 4461,
            "cost": {"currency": "USD", "total_cost": 0.00537},
            "tool_calls_details": {"search_web": {"invocation": 1}},
        }
        output = [
            {"type": "search_results", "queries": ["?"], "results": results},
            {"type": "message", "role": "assistant", "status": "completed", "content": [text]},
        ]
        return JSONResponse(
            {"id": "r", "status": "completed", "model": "perplexity/sonar", "output": output, "usage": usage}
        )

    async def nanobana(self, request: Request) -> Response:
        body = await request.json()
        self.standin.requests.append((request.url.path, body))
        if "[not at nanobana]" in body["prompt"]:
            return JSONResponse({"error": "no"}, status_code=400)
        self.standin.bill.append(("imagen-3", 20_000))
        return JSONResponse({"images": [{"url": f"{self.standin.base_url}/files/a.png"}]})

    async def file(self, request: Request) -> Response:
        if not self.standin.file_is_there:
            return Response("gone", status_code=404)
        if request.url.path.endswith(".png"):
            return Response(PNG, media_type="image/png")
        return Response(MP4, media_type="video/mp4")

    async def video(self, request: Request) -> Response:
        body = await request.json()
        self.standin.requests.append((request.url.path, body))
        if failed := self._failed(body["prompt"]):
            return failed
        if "[hang]" in body["prompt"]:
            await asyncio.sleep(60)
        failing = "failing" if "[job fails]" in body["prompt"] else "v"
        if failing == "v":
            self.standin.bill.append(("veo-3", 50_000 * body["duration_seconds"]))
        return JSONResponse({"id": f"{failing}-{len(self.standin.requests)}-{body['duration_seconds']}"})

    async def video_status(self, request: Request) -> Response:
        job = request.path_params["job"]
        self.standin.requests.append((request.url.path, {}))
        if job.startswith("failing"):
            return JSONResponse({"status": "failed", "error": "no film"})
        if not self.standin.videos_end:
            return JSONResponse({"status": "processing"})
        url = f"{self.standin.base_url}/files/a.mp4"
        return JSONResponse({"status": "completed", "video_url": url, "duration": int(job.split("-")[2])})

    async def interactions(self, request: Request) -> Response:
        body = await request.json()
        self.standin.requests.append((request.url.path, body))
        self.standin.bill.append((body["model"], 810_000))
        return JSONResponse({"id": "i-1", "status": "in_progress"})

    async def interaction(self, request: Request) -> Response:
        url = f"{self.standin.base_url}/files/b.mp4"
        video = {"type": "video", "uri": url, "mime_type": "video/mp4"}
        usage = {
            "total_input_tokens": 20,
            "total_output_tokens": 46336,
            "output_tokens_by_modality": [{"modality": "video", "tokens": 46336}],
        }
        steps = [{"type": "model_output", "content": [video]}]
        return JSONResponse({"id": "i-1", "status": "completed", "steps": steps, "usage": usage})

    async def operation(self, request: Request) -> Response:
        sample = {"video": {"uri": f"{self.standin.base_url}/files/c.mp4"}}
        made = {"generateVideoResponse": {"generatedSamples": [sample]}}
        return JSONResponse({"name": request.url.path, "done": True, "response": made})

    def routes(self) -> list[Route]:
        return [
            Route("/v1beta/models/{model}/operations/{id}", self.operation),
            Route("/v1beta/models/{call:path}", self.gemini, methods=["POST"]),
            Route("/v1beta/interactions", self.interactions, methods=["POST"]),
            Route("/v1beta/interactions/{id}", self.interaction),
            Route("/v1/agent", self.agent, methods=["POST"]),
            Route("/v1/images/generate", self.nanobana, methods=["POST"]),
            Route("/v1/videos/generate", self.video, methods=["POST"]),
            Route("/v1/videos/{job}", self.video_status),
            Route("/files/{name}", self.file),
        ]


def _gemini_answer(text: str) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "promptTokenCount": 1011,
        "candidatesTokenCount": 207,
        "thoughtsTokenCount": 35,
        "cachedContentTokenCount": 100,
        "totalTokenCount": 1253,
    }
    candidate: dict[str, Any] = {"finishReason": "STOP", "index": 0}
    parts: list[dict[str, Any]] = [{"text": "hm", "thought": True}, {"text": _said(text)}]
    if "[safety]" in text:
        del usage["candidatesTokenCount"], usage["cachedContentTokenCount"]
        usage["totalTokenCount"] = 1046
        return {"candidates": [candidate | {"finishReason": "SAFETY"}], "usageMetadata": usage}
    if "[prompt blocked]" in text:
        usage = {"promptTokenCount": 1011, "totalTokenCount": 1011}
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}
    if "[truncated]" in text:
        candidate["finishReason"], parts = "MAX_TOKENS", [{"text": "Dobrý d"}]
    if "[empty]" in text:
        parts = [{"text": ""}]
    if "responseModalities" in text:
        parts.append({"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}})
    return {
        "candidates": [candidate | {"content": {"role": "model", "parts": parts}}],
        "usageMetadata": usage,
        "modelVersion": "stand-in",
        "responseId": "r-1",
    }


def _said(text: str) -> str:
    if "[fenced]" in text:
        return '```json\n{"name": "Ema", "age": 31,}\n```'
    if "[wrong once]" in text and "validation_errors" not in text:
        return '{"name": "Ema", "age": "unknown"}'
    if "[wrong]" in text:
        return '{"name": "Ema", "age": "unknown"}'
    if "[json]" in text or "[wrong once]" in text:
        return '{"name": "Ema", "age": 31}'
    return TEXT


async def _events(answer: dict[str, Any], text: str, *, cut: bool = False) -> AsyncIterator[str]:
    said = _said(text)
    half = len(said) // 2
    first = {"candidates": [{"content": {"role": "model", "parts": [{"text": said[:half]}]}, "index": 0}]}
    yield f"data: {json.dumps(first | {'usageMetadata': {'promptTokenCount': 1011}})}\r\n\r\n"
    if cut:
        raise ConnectionResetError("cut on purpose")
    if "content" in answer.get("candidates", [{}])[0]:
        answer["candidates"][0]["content"]["parts"] = [{"text": said[half:]}]
    yield f"data: {json.dumps(answer)}\r\n\r\n"


@contextmanager
def standing_in() -> Iterator[Standin]:
    """Serve on loopback, in a thread of its own, until the end of the block."""
    standin = Standin()
    app = Starlette(routes=_App(standin).routes())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    standin.base_url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield standin
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=5)
