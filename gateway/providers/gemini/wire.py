"""What Gemini's answers mean, for whichever engine brought them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.calls import ImageRequest, Usage
from gateway.ports import Finish
from store.money.prices import Units

_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "JAILBREAK",
        "MODEL_ARMOR",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "CONTENT_FILTER",
    }
)


def finish_of(reason: str) -> Finish:
    """Map Gemini's finish or block reason (https://ai.google.dev/api/generate-content)."""
    name = reason.upper()
    if name in {"", "STOP"}:
        return Finish.STOP
    if name in {"MAX_TOKENS", "LENGTH"}:
        return Finish.LENGTH
    return Finish.BLOCKED if name in _BLOCKED else Finish.OTHER


def usage_of(
    *, prompt: int, output: int, thinking: int = 0, cached: int = 0, image_tokens: int = 0, images: int = 0
) -> tuple[Usage, Units]:
    """Return usage for people and the units that are billed. ``output`` includes thinking and image tokens."""
    usage = Usage(
        input_tokens=prompt,
        output_tokens=output,
        thinking_tokens=thinking,
        cached_tokens=cached,
        images=images,
        requests=1,
    )
    units = {
        "input": prompt - cached,
        "cached_input": cached,
        "output": output - image_tokens - thinking,
        "thinking": thinking,
        "image_token": image_tokens,
    }
    return usage, units


def usage_of_metadata(metadata: Mapping[str, Any], *, images: int = 0) -> tuple[Usage, Units]:
    """Read ``usageMetadata``: billed output is candidates plus thoughts, tool-use prompts are input."""
    thinking = int(metadata.get("thoughtsTokenCount") or 0)
    return usage_of(
        prompt=int(metadata.get("promptTokenCount") or 0) + int(metadata.get("toolUsePromptTokenCount") or 0),
        output=int(metadata.get("candidatesTokenCount") or 0) + thinking,
        thinking=thinking,
        cached=int(metadata.get("cachedContentTokenCount") or 0),
        image_tokens=tokens_of_modality(metadata.get("candidatesTokensDetails") or (), "IMAGE"),
        images=images,
    )


def tokens_of_modality(details: Iterable[Mapping[str, Any]], modality: str) -> int:
    """Sum the tokens of one modality (``IMAGE``, ``VIDEO``) in a list of token details."""
    return sum(
        int(each.get("tokenCount") or each.get("tokens") or 0)
        for each in details
        if str(each.get("modality", "")).upper() == modality
    )


def with_negative(prompt: str, negative: str) -> str:
    """Fold a negative prompt into the prompt, for models that take none."""
    return f"{prompt}\n\nAvoid: {negative}" if negative else prompt


def nearest_ratio(wanted: str, offered: Iterable[str]) -> str:
    """Return the offered aspect ratio (``W:H``) nearest to the wanted one."""
    choices = tuple(offered)
    if not choices or wanted in choices:
        return wanted
    return min(choices, key=lambda each: abs(_ratio(each) - _ratio(wanted)))


def _ratio(value: str) -> float:
    width, _, height = value.partition(":")
    return float(width) / float(height)


def image_prompt(request: ImageRequest) -> str:
    """The prompt as a Gemini image model gets it."""
    return with_negative(request.prompt, request.negative_prompt)
