"""What is asked of a model that makes images or videos."""

from __future__ import annotations

from collections.abc import Iterable

from domain.calls import ImageRequest


def with_negative(prompt: str, negative: str) -> str:
    """Fold a negative prompt into the prompt, for models that take none."""
    return f"{prompt}\n\nAvoid: {negative}" if negative else prompt


def image_prompt(request: ImageRequest) -> str:
    """The prompt as a text-and-image model gets it."""
    return with_negative(request.prompt, request.negative_prompt)


def nearest_ratio(wanted: str, offered: Iterable[str]) -> str:
    """Return the offered aspect ratio (``W:H``) nearest to the wanted one."""
    choices = tuple(offered)
    if not choices or wanted in choices:
        return wanted
    return min(choices, key=lambda each: abs(_ratio(each) - _ratio(wanted)))


def _ratio(value: str) -> float:
    width, _, height = value.partition(":")
    return float(width) / float(height)
