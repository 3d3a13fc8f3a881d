"""The arguments that an image and a video have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from domain.tables import load
from tools.calling import OneLine, told

LIMITS = load("tools", "limits")
MAX_ALT_TEXT = int(LIMITS["alt_chars"])
ASPECT_RATIOS = tuple(load("domain", "visual")["aspects"])


def _known(value: str) -> str:
    if value not in ASPECT_RATIOS:
        raise ValueError(f"must be one of {', '.join(ASPECT_RATIOS)}")
    return value


AspectRatio = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(ASPECT_RATIOS)})
]


class MediaArguments(BaseModel):
    """What is to be seen, in which shape, and how it is told to those who do not see it."""

    prompt: OneLine = Field(
        min_length=10,
        max_length=LIMITS["prompt_chars"],
        description=told(
            "English. Subject, setting, light and style. No words or logos in the picture.",
            "A barista pours latte art in a small sunlit roastery, candid, warm earthy colours",
        ),
    )
    alt_text: OneLine = Field(
        min_length=1,
        max_length=MAX_ALT_TEXT,
        description=told(
            "What is seen, for people who do not see it, in the language of the content.",
            "Baristka nalévá latte art v malé prosluněné pražírně",
        ),
    )
    aspect_ratio: AspectRatio = Field(default=ASPECT_RATIOS[0], description=told("Width to height.", "16:9"))
    negative_prompt: OneLine = Field(
        default=load("domain", "visual")["negative_prompt"],
        max_length=LIMITS["prompt_chars"],
        description=told("What must not be seen.", "blurry, watermark, text"),
    )
