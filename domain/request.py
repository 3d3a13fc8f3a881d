"""What a person asks for when starting a month, checked before anything is spent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.content.platforms import platform, platforms
from domain.errors import InvalidInput, LimitExceeded
from domain.review import POINTS, Policy
from domain.tiers import tier

DEFAULT_PLATFORMS = ("instagram", "linkedin", "twitter")
MAX_NAME = 200
"""Characters of a company name; longer ones are pasted text, not a name."""

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_LANGUAGE = re.compile(r"[a-z]{2}")


@dataclass(frozen=True)
class RunRequest:
    """A month that can be started. Build it with `parse`, which checks it."""

    company: str
    website: str
    month: str
    posts: int
    platforms: tuple[str, ...]
    tier: str
    language: str
    images: bool
    video: bool
    videos: int
    business_field: str
    product_type: str
    time_zone: str
    approve: Mapping[str, Policy]
    templates: Mapping[str, int | str] = field(default_factory=dict)
    """Prompt versions or labels that were asked for, by template."""

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, as it is kept with the run and given to the graph."""
        return {
            "company": self.company,
            "website": self.website,
            "month": self.month,
            "posts": self.posts,
            "platforms": list(self.platforms),
            "tier": self.tier,
            "language": self.language,
            "images": self.images,
            "video": self.video,
            "videos": self.videos,
            "business_field": self.business_field,
            "product_type": self.product_type,
            "time_zone": self.time_zone,
            "approve": dict(self.approve),
            "templates": dict(self.templates),
        }


def parse(given: Mapping[str, Any], *, today: date) -> RunRequest:
    """Check what was given and fill in defaults.

    Args:
        given: Plain JSON with the field names of `RunRequest`; only company, website and month are needed.
        today: The day by which a month is in the past.

    Raises:
        InvalidInput: A field cannot be used; the message names it and what is allowed.
        LimitExceeded: The tier has fewer posts or platforms.
    """
    level = tier(str(given.get("tier") or "basic"))
    chosen = given.get("platforms")
    posts = _count(given.get("posts", 4), "posts", level.posts_a_month, level.name)
    return RunRequest(
        company=company_name(given.get("company")),
        website=_website(given.get("website")),
        month=month(given.get("month"), today),
        posts=posts,
        platforms=_platforms(DEFAULT_PLATFORMS if chosen is None else chosen, level),
        tier=level.name,
        language=_language(given.get("language") or "cs"),
        images=bool(given.get("images", True)),
        video=bool(given.get("video", True)),
        videos=min(posts, _whole(given.get("videos", 1), "videos", 0, posts)),
        business_field=_line(given.get("business_field"), "business_field"),
        product_type=_line(given.get("product_type"), "product_type"),
        time_zone=_time_zone(given.get("time_zone") or "Europe/Prague"),
        approve=policies(given.get("approve") or "ask"),
        templates=_templates(given.get("templates") or {}),
    )


def company_name(value: Any) -> str:
    """Return a company's name, NFC, in one line."""
    name = " ".join(unicodedata.normalize("NFC", str(value or "")).split())
    if not name or not any(letter.isalnum() for letter in name):
        raise InvalidInput("The company name is empty.", next_step="Give it with --company NAME.")
    if len(name) > MAX_NAME:
        raise InvalidInput(
            f"The company name has {len(name)} characters.", next_step=f"Use at most {MAX_NAME}."
        )
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in name):
        raise InvalidInput("The company name has invisible characters.", next_step="Type it without them.")
    return name


def month(value: Any, today: date) -> str:
    """Return ``YYYY-MM``, this month or a later one."""
    text = str(value or "")
    match = _MONTH.fullmatch(text)
    if not match or not 1 <= int(match[2]) <= 12:
        raise InvalidInput(
            f"The month {text[:40]!r} is not of the form YYYY-MM.", next_step="Use, say, 2027-01."
        )
    first = (int(match[1]), int(match[2]))
    if first < (today.year, today.month):
        raise InvalidInput(
            f"The month {text} is in the past.", next_step=f"Use {today:%Y-%m} or a later one."
        )
    if first[0] > today.year + 5:
        raise InvalidInput(f"The month {text} is too far ahead.", next_step="Plan at most five years ahead.")
    return text


def _templates(value: Any) -> dict[str, int | str]:
    fits = isinstance(value, Mapping) and all(
        isinstance(code, str) and isinstance(version, int | str) and not isinstance(version, bool)
        for code, version in value.items()
    )
    if not fits:
        raise InvalidInput(
            "The prompt versions are not understood.",
            next_step="Give a number or a label by template, such as BLOGPOST_GEN_V1=3.",
        )
    return dict(value)


def policies(value: Any) -> dict[str, Policy]:
    """Return the policy of each review point from one word or a mapping of point → word."""
    if isinstance(value, str):
        return dict.fromkeys(POINTS, _policy(value))
    if not isinstance(value, Mapping) or set(value) - set(POINTS):
        raise InvalidInput(
            "The approval policy is not understood.",
            next_step=f"Use ask or auto, or one of them for each of {', '.join(POINTS)}.",
        )
    return {point: _policy(str(value.get(point, "ask"))) for point in POINTS}


def _policy(value: str) -> Policy:
    known: tuple[Literal["ask"], Literal["auto"]] = ("ask", "auto")
    for word in known:
        if value == word:
            return word
    raise InvalidInput(f"The approval policy {value[:40]!r} is unknown.", next_step="Use ask or auto.")


def _website(value: Any) -> str:
    text = str(value or "").strip()
    if not re.match(r"https?://[^\s/]", text, re.IGNORECASE) or len(text) > 2000:
        raise InvalidInput(
            f"The website {text[:80]!r} is no public http(s) address.",
            next_step="Give the whole address, such as https://www.firma.cz.",
        )
    return text


def _language(value: Any) -> str:
    text = str(value).lower()
    if not _LANGUAGE.fullmatch(text):
        raise InvalidInput(
            f"The language {text[:40]!r} is no ISO 639-1 code.",
            next_step="Use two letters, such as cs or en.",
        )
    return text


def _line(value: Any, field: str) -> str:
    text = " ".join(str(value or "").split())
    if len(text) > MAX_NAME:
        raise InvalidInput(
            f"The field {field} has {len(text)} characters.", next_step=f"Use at most {MAX_NAME}."
        )
    return text


def _time_zone(value: Any) -> str:
    name = str(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"The time zone {name[:60]!r} is unknown.", next_step="Use an IANA name, such as Europe/Prague."
        ) from None
    return name


def _platforms(value: Sequence[str] | str, level: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else list(value)
    if not any(str(name).strip() for name in names):
        raise InvalidInput(
            "No platform is chosen.", next_step=f"Use some of {', '.join(p.code for p in platforms())}."
        )
    chosen = tuple(dict.fromkeys(platform(str(name).strip()).code for name in names))
    if len(chosen) > level.platforms:
        raise LimitExceeded(
            f"The tier {level.name} has {level.platforms} platforms, {len(chosen)} were asked for.",
            next_step="Leave some out with --platforms, or choose a higher tier with --tier.",
        )
    return chosen


def _whole(value: Any, field: str, least: int, most: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if not least <= number <= max(most, least):
        raise InvalidInput(f"{field} is {value!r}.", next_step=f"Give a whole number from {least} to {most}.")
    return number


def _count(value: Any, field: str, most: int, name: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise InvalidInput(f"{field} is {value!r}.", next_step=f"Give a whole number from 1 to {most}.")
    if number > most:
        raise LimitExceeded(
            f"The tier {name} has {most} posts a month, {number} were asked for.",
            next_step="Ask for fewer with --posts, or choose a higher tier with --tier.",
        )
    return number
