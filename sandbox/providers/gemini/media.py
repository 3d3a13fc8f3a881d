"""Gemini's images (generateContent) and videos (Omni interactions, Veo long-running operations)."""

from __future__ import annotations

import asyncio
import base64
import re
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import prices, tokens
from sandbox.exchange import Exchange, Refused, handle
from sandbox.media import render
from sandbox.media.art import art_of
from sandbox.media.jobs import MediaJob, decode, encode, job_fault
from sandbox.providers.gemini.request import GeminiRequest, camel_keys, check_key, check_model, gemini_error
from sandbox.seeds import normalise
from sandbox.state import base_url, state_of

IMAGE_RATIOS = frozenset(
    ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"]
)
_SIZES = frozenset({"1K", "2K", "4K", "1k", "2k", "4k"})
_VIDEO_RATIOS = frozenset({"16:9", "9:16"})
_LONGEST = {"gemini-omni-1.2-flash": 15}


# -- images --------------------------------------------------------------------------------------------------------


async def image(exchange: Exchange, asked: GeminiRequest) -> Response:
    """A picture as an inline part, 1120 tokens of modality IMAGE (1K and 2K)."""
    check_model(exchange.model, "image")
    config = camel_keys(asked.config.get("imageConfig") or {})
    ratio, size = str(config.get("aspectRatio") or "1:1"), str(config.get("imageSize") or "1K")
    if ratio not in IMAGE_RATIOS or size not in _SIZES:
        raise Refused(
            gemini_error(400, f"Unsupported image_config: aspect_ratio {ratio}, image_size {size}.")
        )
    key = exchange.hash(asked.identity())
    good = exchange.fault_type not in ("safety", "empty", "prompt_block", "max_tokens")
    parts: list[dict[str, Any]] = []
    if good:
        png = await asyncio.to_thread(render.picture, art_of(asked.text, ratio, key), exchange.model)
        data = base64.b64encode(png).decode()
        data = data[: len(data) // 2] + "!" if exchange.fault_type == "broken_json" else data
        parts = [{"inlineData": {"mimeType": "image/png", "data": data}, "thoughtSignature": "c2FuZGJveA=="}]
    used = prices.tokens_of("image_4k" if size.upper() == "4K" else "image") if good else 0
    exchange.charge(
        "image", {"input_tokens": asked.input_tokens, "image_tokens": used}, f"sandbox-{key[:20]}", key
    )
    return exchange.answer(_image_answer(exchange, asked, parts, used, key))


def _image_answer(
    exchange: Exchange, asked: GeminiRequest, parts: list[dict[str, Any]], used: int, key: str
) -> dict[str, Any]:
    reasons = {"safety": "IMAGE_SAFETY", "empty": "NO_IMAGE", "max_tokens": "MAX_TOKENS"}
    answer: dict[str, Any] = {
        "usageMetadata": {
            "promptTokenCount": asked.input_tokens,
            "candidatesTokenCount": used,
            "totalTokenCount": asked.input_tokens + used,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": asked.input_tokens}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": used}] if used else [],
        },
        "modelVersion": exchange.model,
        "responseId": f"sandbox-{key[:20]}",
    }
    if exchange.fault_type == "prompt_block":
        return {"promptFeedback": {"blockReason": "IMAGE_SAFETY"}, **answer}
    content: dict[str, Any] = {"role": "model", **({"parts": parts} if parts else {})}
    reason = reasons.get(exchange.fault_type, "STOP")
    return {"candidates": [{"content": content, "finishReason": reason, "index": 0}], **answer}


# -- Omni ------------------------------------------------------------------------------------------------------------


def _input_text(given: Any) -> str:
    if isinstance(given, str):
        return given
    blocks = given if isinstance(given, list) else [given]
    texts: list[str] = []
    for block in blocks:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, dict):
            texts.append(str(block.get("text") or _input_text(block.get("content") or "")))
    return "\n".join(text for text in texts if text)


def _seconds(given: Any, model: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(given or "8s"))
    longest = _LONGEST.get(model, 10)
    if not match or not 3 <= float(match.group(1)) <= longest:
        raise Refused(gemini_error(400, f"Invalid response_format.duration: expected '3s' to '{longest}s'."))
    return float(match.group(1))


def _omni_job(exchange: Exchange) -> tuple[MediaJob, str]:
    body = exchange.body
    wanted = body.get("response_format") or {}
    wanted = wanted[0] if isinstance(wanted, list) and wanted else wanted
    if not isinstance(wanted, dict) or wanted.get("type") != "video":
        raise Refused(gemini_error(400, "Invalid response_format.type: this model makes videos."))
    prompt, ratio = _input_text(body.get("input")), str(wanted.get("aspect_ratio") or "16:9")
    if not prompt:
        raise Refused(gemini_error(400, "input is required."))
    if ratio not in _VIDEO_RATIOS:
        raise Refused(gemini_error(400, f"Invalid response_format.aspect_ratio: {ratio}."))
    seconds = _seconds(wanted.get("duration"), exchange.model)
    key = exchange.hash(prompt, ratio, seconds)
    art = art_of(normalise(prompt), ratio, key)
    return MediaJob(
        exchange.model, art, seconds, _now(), job_fault(exchange.fault), tokens.count(prompt)
    ), key


def _now() -> float:
    return round(time.time(), 3)


async def _submit_omni(exchange: Exchange) -> Response:
    exchange.model = str(exchange.body.get("model") or "").removeprefix("models/")
    check_model(exchange.model, "video")
    job, key = _omni_job(exchange)
    job_id = "v1_" + encode(exchange.state.seed, job)
    if job.fault not in ("job_fails", "job_filtered"):
        exchange.charge("video", _video_units(job), job_id, key)
    if not exchange.body.get("background"):
        await asyncio.sleep(exchange.state.job_seconds)
    return exchange.answer(_interaction(job, job_id, exchange.request, exchange.state.job_seconds))


def _video_units(job: MediaJob) -> dict[str, int | float]:
    return {
        "input_tokens": job.input_tokens,
        "video_tokens": int(job.seconds * prices.tokens_of("video_second")),
        "video_seconds": job.seconds,
    }


def _interaction(job: MediaJob, job_id: str, request: Request, job_seconds: float) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": job_id, "object": "interaction", "model": job.model, "role": "model"}
    if not job.done(job_seconds):
        return {**answer, "status": "in_progress"}
    if job.fault == "job_fails":
        return {
            **answer,
            "status": "failed",
            "error": {"code": 13, "message": "Video generation failed (on request)."},
        }
    units = _video_units(job)
    content: dict[str, Any] = {
        "type": "video",
        "uri": f"{base_url(request)}/v1beta/files/{job_id}:download?alt=media",
        "mime_type": "video/mp4",
    }
    if job.fault == "job_filtered":
        content = {
            "type": "text",
            "text": "I can't make this video because it goes against the usage policy.",
        }
        units = dict.fromkeys(units, 0)  # not billed, and the usage is what is billed
    usage = {
        "total_input_tokens": units["input_tokens"],
        "total_output_tokens": units["video_tokens"],
        "total_tokens": units["input_tokens"] + units["video_tokens"],
        "output_tokens_by_modality": [{"modality": "video", "tokens": units["video_tokens"]}],
    }
    steps = [{"type": "model_output", "content": [content]}]
    return {**answer, "status": "completed", "steps": steps, "usage": usage}


async def submit_omni(request: Request) -> Response:
    """``POST /v1beta/interactions``; without ``background`` the answer comes when the video is done."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    return await handle(request, "gemini", "", _submit_omni, gemini_error)


async def _poll_omni(exchange: Exchange) -> Response:
    job_id = str(exchange.request.path_params["id"])
    job = decode(exchange.state.seed, job_id.removeprefix("v1_")) if job_id.startswith("v1_") else None
    if job is None:
        raise Refused(gemini_error(400, "Invalid interaction name"))
    return exchange.answer(_interaction(job, job_id, exchange.request, exchange.state.job_seconds))


async def poll_omni(request: Request) -> Response:
    """``GET /v1beta/interactions/{id}``."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    return await handle(request, "gemini", "", _poll_omni, gemini_error)


# -- Veo ------------------------------------------------------------------------------------------------------------


async def submit_veo(exchange: Exchange) -> Response:
    """``POST …:predictLongRunning``."""
    check_model(exchange.model, "second")
    instances = exchange.body.get("instances") or [{}]
    parameters = exchange.body.get("parameters") or {}
    prompt, ratio = str(instances[0].get("prompt") or ""), str(parameters.get("aspectRatio") or "16:9")
    seconds = float(parameters.get("durationSeconds") or 8)
    if not prompt or ratio not in _VIDEO_RATIOS or seconds not in (4, 5, 6, 7, 8):
        raise Refused(gemini_error(400, "Invalid prompt, aspectRatio or durationSeconds (4 to 8)."))
    key = exchange.hash(prompt, ratio, seconds)
    job = MediaJob(
        exchange.model, art_of(normalise(prompt), ratio, key), seconds, _now(), job_fault(exchange.fault)
    )
    name = f"models/{exchange.model}/operations/{encode(exchange.state.seed, job)}"
    if job.fault not in ("job_fails", "job_filtered"):
        exchange.charge("video", {"seconds": seconds}, name, key)
    return exchange.answer({"name": name})


def _operation(job: MediaJob, name: str, request: Request) -> dict[str, Any]:
    if job.fault == "job_fails":
        return {
            "name": name,
            "done": True,
            "error": {"code": 13, "message": "Video generation failed (on request)."},
        }
    made: dict[str, Any] = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
    }
    if job.fault == "job_filtered":
        reasons = ["The prompt goes against the usage policy."]
        made["generateVideoResponse"] = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
    else:
        uri = f"{base_url(request)}/v1beta/files/{name.rsplit('/', 1)[1]}:download?alt=media"
        made["generateVideoResponse"] = {"generatedSamples": [{"video": {"uri": uri}}]}
    return {"name": name, "done": True, "response": made}


async def _poll_veo(exchange: Exchange) -> Response:
    params = exchange.request.path_params
    name = f"models/{params['model']}/operations/{params['id']}"
    job = decode(exchange.state.seed, str(params["id"]))
    if job is None:
        raise Refused(gemini_error(404, "Operation not found."))
    if not job.done(exchange.state.job_seconds):
        return exchange.answer({"name": name})
    return exchange.answer(_operation(job, name, exchange.request))


async def poll_veo(request: Request) -> Response:
    """``GET /v1beta/models/{model}/operations/{id}``."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    return await handle(request, "gemini", str(request.path_params["model"]), _poll_veo, gemini_error)


async def download(request: Request) -> Response:
    """``GET /v1beta/files/{id}:download``: the MP4; made when first asked for."""
    try:
        check_key(request)
    except Refused as refused:
        return refused.response
    return await handle(request, "gemini", "", _download, gemini_error)


async def _download(exchange: Exchange) -> Response:
    state = state_of(exchange.request)
    job = decode(state.seed, str(exchange.request.path_params["id"]).removeprefix("v1_"))
    if job is None or job.fault:
        raise Refused(gemini_error(404, "File not found."))
    return exchange.send([await render.video(state, job)], "video/mp4")


def routes() -> list[Route]:
    made = []
    for version in ("v1", "v1beta"):
        made += [
            Route(f"/{version}/interactions", submit_omni, methods=["POST"]),
            Route(f"/{version}/interactions/{{id}}", poll_omni, methods=["GET"]),
            Route(f"/{version}/models/{{model}}/operations/{{id}}", poll_veo, methods=["GET"]),
            Route(f"/{version}/files/{{id}}:download", download, methods=["GET"]),
        ]
    return made
