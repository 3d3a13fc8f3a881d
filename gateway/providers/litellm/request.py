"""What LiteLLM is asked with, by the provider's profile. LiteLLM itself is not imported here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.calls import ImageRequest, TextRequest
from domain.ids import canonical_json
from gateway.providers.media_prompt import image_prompt, nearest_ratio
from gateway.providers.registry import Profile

ANSWER = "answer"
"""The name of the schema."""


def text_options(
    profile: Profile, facts: Mapping[str, Any], request: TextRequest, *, most: int | None, thinks: bool
) -> dict[str, Any]:
    """Return the options of a text call.

    Args:
        profile: How the provider is spoken to.
        facts: What is to be known about the model.
        request: What is asked.
        most: The model's own limit of output tokens, where it is known.
        thinks: Whether the model takes a level of thinking.
    """
    options: dict[str, Any] = {
        "messages": _messages(profile, request),
        profile.limit_parameter: min(request.max_tokens, most or request.max_tokens),
    }
    if request.schema is not None:
        options |= _held_to(profile.structured, dict(request.schema))
    if request.temperature is not None and facts.get("temperature"):
        options["temperature"] = request.temperature
    if facts.get("thinking"):
        options["thinkingConfig"] = {"thinkingLevel": str(facts["thinking"]).upper()}
    elif thinks and profile.effort:
        options["reasoning_effort"] = profile.effort
    return {name: value for name, value in options.items() if name not in profile.refuses}


def _messages(profile: Profile, request: TextRequest) -> list[dict[str, str]]:
    system = [{"role": "system", "content": request.system}] if request.system else []
    prompt = request.prompt
    if request.schema is not None and profile.structured in {"json_object", "prompt"}:
        # Plain data without a word of instruction: the words of prompts belong to the templates.
        prompt = f"{prompt}\n\n{canonical_json({'json_schema': dict(request.schema)})}"
    return [*system, {"role": "user", "content": prompt}]


def _held_to(structured: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Say how an answer is held to a schema: by a format, or by its words alone.

    Where a model has no format but tools, LiteLLM makes one of the schema and reads the answer out of it.
    """
    if structured == "json_schema":
        return {"response_format": {"type": structured, "json_schema": {"name": ANSWER, "schema": schema}}}
    return {"response_format": {"type": structured}} if structured == "json_object" else {}


def image_options(facts: Mapping[str, Any], request: ImageRequest) -> dict[str, Any]:
    """Return the options of an image by a text-and-image model."""
    ratio = nearest_ratio(request.aspect_ratio, facts["aspect_ratios"])
    return {
        "messages": [{"role": "user", "content": image_prompt(request)}],
        "modalities": ["image", "text"],
        "imageConfig": {"aspectRatio": ratio, "imageSize": facts["image_size"]},
        "max_tokens": facts["max_output_tokens"],
    }
