"""The social platforms: one table that prompts, checks, counters and export all read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from domain.errors import InvalidInput
from domain.tables import load
from domain.text import key, nearest

Counting = Literal["characters", "x", "linkedin"]
Hook = Literal["first_sentence", "first_two_lines", "none"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A dated limit. ``notes`` keeps what other sources say: pairs of value and source."""

    value: Any
    source: str
    verified_at: str
    notes: tuple[tuple[Any, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform's rules, the smallest known limit each.

    Lengths are counted as the platform counts (``counting``). ``text_length``, ``cta_length`` and
    ``hashtag_max_length`` are what the model is asked for: their maxima together fit ``max_length``.
    ``figures`` holds every number again with its source and date.
    """

    code: str
    name: str
    counting: Counting
    max_length: int
    hashtags_min: int
    hashtags_max: int
    hashtag_max_length: int
    visible_chars: int
    hook: Hook
    style: str
    text_length: tuple[int, int]
    cta_length: tuple[int, int]
    aspect_ratios: tuple[tuple[str, str], ...]
    feed: str
    video: str
    media_required: bool
    refused_media: tuple[str, ...]
    ai_flag: str | None
    figures: tuple[tuple[str, Figure], ...]

    @property
    def aspect_ratio(self) -> str:
        """``W:H`` of the image in the feed."""
        return dict(self.aspect_ratios)[self.feed]

    @property
    def video_aspect_ratio(self) -> str:
        """``W:H`` of the clip."""
        return dict(self.aspect_ratios)[self.video]

    def as_variables(self) -> dict[str, Any]:
        """The `platform` variable of prompt templates."""
        return {
            "code": self.code,
            "name": self.name,
            "max_length": self.max_length,
            "hashtags_min": self.hashtags_min,
            "hashtags_max": self.hashtags_max,
            "style": self.style,
            "hook": self.hook,
            "visible_chars": self.visible_chars,
            "text_min": self.text_length[0],
            "text_max": self.text_length[1],
        }


@cache
def platforms() -> tuple[Platform, ...]:
    """All platforms in the order of the table."""
    return tuple(_read(row) for row in load("domain", "platforms")["platforms"])


def platform(code: str) -> Platform:
    """Return a platform by its code, whatever the case; InvalidInput naming the nearest one."""
    for one in platforms():
        if one.code == key(code):
            return one
    codes = [one.code for one in platforms()]
    meant = nearest(code, codes)
    hint = f"Did you mean {meant}?" if meant else f"Choose from {', '.join(codes)}."
    raise InvalidInput(f"There is no platform {code[:40]!r}.", next_step=hint)


def aspect_ratio(format_code: str) -> str:
    """Return ``W:H`` of a format such as ``instagram_story``; the table's default for any other."""
    known = {name: ratio for one in platforms() for name, ratio in one.aspect_ratios}
    return known.get(format_code, str(load("domain", "platforms")["default_aspect_ratio"]["value"]))


def _read(row: dict[str, Any]) -> Platform:
    figures = {name: _figure(cell) for name, cell in row.items() if _is_figure(cell)}
    values = {name: figures[name].value if name in figures else cell for name, cell in row.items()}
    values["aspect_ratios"] = tuple(row["aspect_ratios"].items())
    values["refused_media"] = tuple(row["refused_media"])
    values["text_length"] = tuple(values["text_length"])
    values["cta_length"] = tuple(values["cta_length"])
    return Platform(**values, figures=tuple(figures.items()))


def _is_figure(cell: Any) -> bool:
    return isinstance(cell, dict) and "value" in cell


def _figure(cell: dict[str, Any]) -> Figure:
    notes = tuple((note["value"], note["source"]) for note in cell.get("notes", ()))
    return Figure(cell["value"], cell["source"], cell["verified_at"], notes)
