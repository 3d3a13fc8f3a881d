"""The two HTTP APIs of the brief: Nanobana for images, Veo for videos."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices
from sandbox.exchange import Exchange, Handler, Refused, handle
from sandbox.media import render
from sandbox.media.art import art_of
from sandbox.media.jobs import MediaJob, decode, encode, job_fault
from sandbox.providers.gemini.media import IMAGE_RATIOS
from sandbox.seeds import normalise
from sandbox.state import base_url
from sandbox.wire import json_answer

_IMAGE_FIELDS = frozenset({"prompt", "negative_prompt", "aspect_ratio", "model", "output_format"})
_VIDEO_FIELDS = frozenset({"prompt", "negative_prompt", "duration_seconds", "aspect_ratio", "model"})


def brief_error(status: int, message: str, retry_after: float | None = None) -> Response:
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return json_answer({"error": {"code": status, "message": message}}, status, headers)


def bearer(request: Request) -> None:
    """Refuse a call without a Bearer key, or with the key ``bad-key``."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() == "bad-key":
        raise Refused(brief_error(401, "Invalid API key"))


def _read(exchange: Exchange, fields: frozenset[str], unit: str, default: str) -> tuple[str, str]:
    bearer(exchange.request)
    body = exchange.body
    if unknown := sorted(set(body) - fields):
        raise Refused(brief_error(400, f"Unknown field: {unknown[0]}"))
    prompt, ratio = str(body.get("prompt") or ""), str(body.get("aspect_ratio") or "1:1")
    exchange.model = str(body.get("model") or default)
    if not prompt or ratio not in IMAGE_RATIOS:
        raise Refused(
            brief_error(400, "prompt is required" if not prompt else f"Invalid aspect_ratio: {ratio}")
        )
    if not prices.sells(exchange.model, unit):
        raise Refused(brief_error(404, f"Unknown model: {exchange.model}"))
    return prompt, ratio


async def _image(exchange: Exchange) -> Response:
    prompt, ratio = _read(exchange, _IMAGE_FIELDS, "picture", "imagen-3")
    key = exchange.hash(exchange.body)
    exchange.charge("image", {"pictures": 1}, f"img_{key[:20]}", key)
    if exchange.fault_type in ("empty", "safety"):
        return exchange.answer({"id": f"img_{key[:20]}", "images": []})
    if exchange.fault_type == "wrong_schema":
        return exchange.answer({"id": f"img_{key[:20]}", "pictures": [{"href": "none"}]})
    if exchange.fault_type == "broken_json":
        return exchange.send([b'{"images": [{"url": "http'], "application/json")
    job = MediaJob(exchange.model, art_of(normalise(prompt), ratio, key), 0, 0)
    url = f"{base_url(exchange.request)}/media/images/{encode(exchange.state.seed, job)}.png"
    return exchange.answer({"id": f"img_{key[:20]}", "images": [{"url": url}]})


async def _video(exchange: Exchange) -> Response:
    prompt, ratio = _read(exchange, _VIDEO_FIELDS, "second", "veo-3")
    seconds = float(exchange.body.get("duration_seconds") or 6)
    if not 1 <= seconds <= 15:
        raise Refused(brief_error(400, "duration_seconds must be between 1 and 15"))
    key = exchange.hash(exchange.body)
    art = art_of(normalise(prompt), ratio, key)
    job = MediaJob(exchange.model, art, seconds, round(time.time(), 3), job_fault(exchange.fault))
    job_id = encode(exchange.state.seed, job)
    if job.fault not in ("job_fails", "job_filtered"):
        exchange.charge("video", {"seconds": seconds}, job_id, key)
    if exchange.fault_type == "broken_json":
        return exchange.send([b'{"id": "'], "application/json")
    return exchange.answer({"id": job_id, "status": "processing"})


async def _poll(exchange: Exchange) -> Response:
    bearer(exchange.request)
    job_id = str(exchange.request.path_params["id"])
    job = decode(exchange.state.seed, job_id)
    if job is None:
        raise Refused(brief_error(404, "Video not found"))
    answer: dict[str, object] = {"id": job_id, "status": "processing"}
    if job.done(exchange.state.job_seconds):
        failed = job.fault in ("job_fails", "job_filtered")
        root = f"{base_url(exchange.request)}/media/videos/{job_id}"
        answer |= {
            "status": "failed" if failed else "completed",
            "video_url": None if failed else f"{root}.mp4",
            "thumbnail_url": None if failed else f"{root}.png",
            "duration": None if failed else job.seconds,
            "error": "Video generation failed (on request)" if failed else None,
        }
    return exchange.answer(answer)


async def _file(exchange: Exchange) -> Response:
    """Media carry no key: their addresses cannot be guessed."""
    name, _, ending = str(exchange.request.path_params["name"]).rpartition(".")
    job = decode(exchange.state.seed, name)
    if job is None or job.fault or ending not in ("png", "mp4"):
        raise Refused(brief_error(404, "File not found"))
    if ending == "mp4":
        return exchange.send([await render.video(exchange.state, job)], "video/mp4")
    return exchange.send([await asyncio.to_thread(render.picture, job.art, job.model)], "image/png")


def _route(path: str, method: str, provider: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        return await handle(request, provider, "", handler, brief_error)

    return Route(path, endpoint, methods=[method])


def routes() -> list[Route]:
    return [
        _route("/v1/images/generate", "POST", "nanobana", _image),
        _route("/v1/videos/generate", "POST", "veo", _video),
        _route("/v1/videos/{id}", "GET", "veo", _poll),
        _route("/media/images/{name}", "GET", "nanobana", _file),
        _route("/media/videos/{name}", "GET", "veo", _file),
    ]
