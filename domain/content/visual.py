"""How a picture or a clip is asked for: the parts of a visual prompt and their order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import Field

from domain.content.persona import Persona
from domain.content.written import Content
from domain.tables import load
from domain.text import fold

Level = Literal["high", "medium", "low"]

_WORD = re.compile(r"\w+")
_ENDS = " \t\n.,;"


class VisualBrief(Content):
    """What the model writes: an English scene, the alternative text for readers, an English moving scene."""

    scene: str = Field(min_length=1)
    alt_text: str = Field(min_length=1)
    video_scene: str = ""


@dataclass(frozen=True, slots=True)
class VisualPrompt:
    prompt: str
    negative_prompt: str
    aspect_ratio: str


def visual_schema() -> dict[str, Any]:
    """JSON Schema of `VisualBrief`."""
    return {
        "type": "object",
        "properties": {
            "scene": _text(
                120,
                420,
                "English. What is seen in the picture: subject, setting, action. No style, no words in it.",
            ),
            "altText": _text(
                50, 125, "What the picture shows, for people who do not see it, in the content's language."
            ),
            "videoScene": _text(
                120, 420, "English. One continuous shot of 6 to 10 seconds: subject, action, camera movement."
            ),
        },
        "required": ["scene", "altText", "videoScene"],
        "additionalProperties": False,
    }


def _text(shortest: int, longest: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": shortest, "maxLength": longest, "description": description}


def authenticity(*industry: str | None) -> Level:
    """Return how authentic (``high``) or polished (``low``) the pictures of a line of business should look.

    Args:
        industry: Texts that name the line of business, Czech or English, the most telling one first
            (industry, business field, product type). The first one that holds a known word decides;
            where it holds words of both kinds, the more frequent kind wins and ``low`` wins a tie.
    """
    for text in industry:
        counts = {level: _hits(text or "", level) for level in ("high", "low")}
        if counts["low"] and counts["low"] >= counts["high"]:
            return "low"
        if counts["high"]:
            return "high"
    default: Level = load("domain", "visual")["default_level"]
    return default


def _hits(text: str, level: str) -> int:
    words = _WORD.findall(fold(text))
    spoken = f" {' '.join(words)} "
    return sum(spoken.count(f" {one}") for one in _keywords()[level])


@cache
def _keywords() -> dict[str, tuple[str, ...]]:
    """Keywords folded; a whole word keeps a space behind it, a stem (``*`` in the table) does not."""
    table = load("domain", "visual")["industries"]
    return {level: tuple(dict.fromkeys(map(_keyword, words))) for level, words in table.items()}


def _keyword(word: str) -> str:
    spoken = " ".join(_WORD.findall(fold(word)))
    return spoken if word.endswith("*") else f"{spoken} "


def image_prompt(
    brief: VisualBrief, persona: Persona | Mapping[str, Any], aspect_ratio: str, *industry: str | None
) -> VisualPrompt:
    """Build an image's prompt: aspect, style, palette, mood, authenticity, message, quality, in this order.

    Args:
        brief: The scene is the message.
        persona: Its art style, palette and atmosphere (plain or not); what it has none of is left out.
        aspect_ratio: ``W:H`` of the platform's format.
        industry: As for `authenticity`.
    """
    return _prompt(brief.scene, load("domain", "visual")["image_quality"], persona, aspect_ratio, industry)


def video_prompt(
    brief: VisualBrief, persona: Persona | Mapping[str, Any], aspect_ratio: str, *industry: str | None
) -> VisualPrompt:
    """Build a clip's prompt, by the rules of `image_prompt`; without a moving scene the still one moves."""
    scene = brief.video_scene or brief.scene
    return _prompt(scene, load("domain", "visual")["video_quality"], persona, aspect_ratio, industry)


def _prompt(
    scene: str,
    quality: str,
    persona: Persona | Mapping[str, Any],
    aspect_ratio: str,
    industry: tuple[str | None, ...],
) -> VisualPrompt:
    table = load("domain", "visual")
    author = persona if isinstance(persona, Persona) else Persona.model_validate(persona)
    parts = (
        table["aspects"].get(aspect_ratio, f"{aspect_ratio} composition"),
        author.art_style_name,
        ", ".join(author.color_palette),
        author.visual_atmosphere,
        table["authenticity"][authenticity(*industry)],
        scene,
        quality,
    )
    prompt = ". ".join(part.strip(_ENDS) for part in parts if part and part.strip(_ENDS))
    return VisualPrompt(f"{prompt}.", table["negative_prompt"], aspect_ratio)
