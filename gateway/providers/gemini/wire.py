"""What Gemini's answers mean, for whichever engine brought them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.calls import Usage
from gateway.ports import Finish
from gateway.providers import registry
from gateway.providers.finish import finish_by
from gateway.providers.usage import usage_of
from store.money.prices import Units

NAME = "gemini"


def finish_of(reason: str) -> Finish:
    """Map a finish or block reason (https://ai.google.dev/api/generate-content)."""
    return finish_by(registry.provider(NAME).profile, reason)


def reason_of(events: Sequence[Mapping[str, Any]]) -> str:
    """Return why an answer ended, of its events from first to last; empty where it did not end."""
    for event in reversed(events):
        blocked = (event.get("promptFeedback") or {}).get("blockReason")
        if blocked:
            return str(blocked) if finish_of(str(blocked)) is Finish.BLOCKED else "SAFETY"
        for candidate in event.get("candidates") or ():
            if candidate.get("finishReason"):
                return str(candidate["finishReason"])
    return ""


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
