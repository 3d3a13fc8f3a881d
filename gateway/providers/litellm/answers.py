"""What LiteLLM's answers mean, by the provider's profile. LiteLLM itself is not imported here."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from gateway.calls.failures import in_doubt
from gateway.ports import Answer, Finish, MediaFile, OnText
from gateway.providers.finish import finish_by
from gateway.providers.registry import Profile
from gateway.providers.usage import usage_of

_REFUSED = "REFUSAL"


def read_answer(profile: Profile, response: Any) -> Answer:
    """Read a whole answer."""
    choice = response.choices[0]
    native = (choice.get("provider_specific_fields") or {}).get("native_finish_reason")
    reason = str((not profile.relays and native) or choice.finish_reason or "")
    image = _image(choice.message)
    refusal = _refusal(choice.message)
    return Answer(
        text=choice.message.content or "",
        media=image,
        finish=Finish.BLOCKED if refusal else finish_by(profile, reason),
        reason=_REFUSED if refusal else reason.upper(),
        raw={"id": response.id, "model": response.model, "finish_reason": reason},
        # What was billed is the hook's to say; without its word an answer counts as the most it can have cost.
        **read_usage(None),
    )


def read_billed(response: Any) -> Answer:
    """Read what an answer was billed for, and nothing else of it."""
    drawn = any(
        getattr(choice.message, "images", None) for choice in getattr(response, "choices", None) or ()
    )
    return Answer(**read_usage(response.get("usage"), images=1 if drawn else 0))


async def read_stream(provider: str, profile: Profile, stream: AsyncIterator[Any], on_text: OnText) -> Answer:
    """Hand a stream's text on while it comes, and read the whole of it."""
    parts: list[str] = []
    usage: Any = None
    reason, refused = "", False
    named: dict[str, Any] = {}
    async for chunk in stream:
        usage = chunk.get("usage") or usage
        named = named or {"id": chunk.id, "model": chunk.model}
        for choice in chunk.choices:
            reason = str(choice.finish_reason or reason)
            refused = refused or bool(_refusal(choice.delta))
            if piece := choice.delta.content:
                parts.append(piece)
                on_text(piece)
    if not reason:
        raise in_doubt(provider, "the stream ended early")
    finish = Finish.BLOCKED if refused else finish_by(profile, reason)
    said = _REFUSED if refused else reason.upper()
    return Answer(
        text="".join(parts),
        finish=finish,
        reason=said if finish is not Finish.STOP else "STOP",
        raw={**named, "finish_reason": reason},
        **read_usage(usage),
    )


def read_vectors(provider: str, response: Any, texts: Sequence[str]) -> Answer:
    """Read embeddings, as many as there are texts."""
    rows = sorted(response.data, key=lambda row: int(row["index"]))
    if len(rows) != len(texts):
        raise in_doubt(provider, f"{len(rows)} vectors came for {len(texts)} texts")
    vectors = tuple(tuple(map(float, row["embedding"])) for row in rows)
    return Answer(vectors=vectors, **read_usage(response.get("usage")))


def read_usage(usage: Any, *, images: int = 0) -> dict[str, Any]:
    """Return ``usage`` and ``units`` of an answer; no units where the provider did not say them."""
    if usage is None or not usage.total_tokens:
        return {"usage": usage_of(prompt=0, output=0)[0], "units": None}
    output = usage.get("completion_tokens_details")
    prompt = usage.get("prompt_tokens_details")
    people, units = usage_of(
        prompt=usage.prompt_tokens,
        # For a blocked answer LiteLLM leaves the thinking tokens out of the completion, not out of the total.
        output=max(usage.completion_tokens or 0, usage.total_tokens - usage.prompt_tokens),
        thinking=_count(output, "reasoning_tokens"),
        cached=_count(prompt, "cached_tokens"),
        cache_write=_count(prompt, "cache_write_tokens") or _count(prompt, "cache_creation_tokens"),
        image_tokens=_count(output, "image_tokens"),
        images=images,
    )
    return {"usage": people, "units": units}


def _count(details: Any, name: str) -> int:
    return int(getattr(details, name, None) or 0) if details else 0


def _refusal(message: Any) -> str:
    fields: Mapping[str, Any] = getattr(message, "provider_specific_fields", None) or {}
    return str(getattr(message, "refusal", None) or fields.get("refusal") or "")


def _image(message: Any) -> MediaFile | None:
    for image in getattr(message, "images", None) or ():
        header, _, data = image["image_url"]["url"].partition(",")
        media_type = header.removeprefix("data:").partition(";")[0]
        return MediaFile(base64.b64decode(data), media_type)
    return None
