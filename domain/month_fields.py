"""The fields of a month's request: how each is read, and in which words it is refused.

Each check gets what was given and returns what is kept. InvalidInput names the field and what is allowed;
LimitExceeded names the option that would help.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationInfo

from domain.content.platforms import platform, platforms
from domain.errors import InvalidInput, LimitExceeded
from domain.review import POINTS, Policy
from domain.tiers import Tier

DEFAULT_PLATFORMS = ("instagram", "linkedin", "twitter")
MAX_NAME = 200
"""Characters of a company name; longer ones are pasted text, not a name."""
MAX_ADDRESS = 2000

AHEAD = {"this": 0, "next": 1}
"""Months by a word, and how many months ahead each is."""

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_LANGUAGE = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class Against:
    """What a request is held against: the day by which a month is in the past, and the tier with its quota."""

    today: date
    level: Tier


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


def website(value: Any) -> str:
    """Return a whole http(s) address."""
    text = str(value or "").strip()
    if not re.match(r"https?://[^\s/]", text, re.IGNORECASE) or len(text) > MAX_ADDRESS:
        raise InvalidInput(
            f"The website {text[:80]!r} is no public http(s) address.",
            next_step="Give the whole address, such as https://www.firma.cz.",
        )
    return text


def month(value: Any, info: ValidationInfo) -> str:
    """Return ``YYYY-MM``, this month or a later one; ``this`` and ``next`` are taken for what they are today."""
    today = _against(info).today
    text = _of_word(str(value or ""), today)
    match = _MONTH.fullmatch(text)
    if not match or not 1 <= int(match[2]) <= 12:
        raise InvalidInput(
            f"The month {text[:40]!r} is not of the form YYYY-MM.",
            next_step="Use, say, 2027-01, or this or next.",
        )
    first = (int(match[1]), int(match[2]))
    if first < (today.year, today.month):
        raise InvalidInput(
            f"The month {text} is in the past.", next_step=f"Use {today:%Y-%m} or a later one."
        )
    if first[0] > today.year + 5:
        raise InvalidInput(f"The month {text} is too far ahead.", next_step="Plan at most five years ahead.")
    return text


def _of_word(text: str, today: date) -> str:
    if text not in AHEAD:
        return text
    months = today.year * 12 + today.month - 1 + AHEAD[text]
    return f"{months // 12:04}-{months % 12 + 1:02}"


def posts(value: Any, info: ValidationInfo) -> int:
    """Return a number of posts, no more than the tier has a month."""
    level = _against(info).level
    number = _whole(value, 0)
    if number < 1:
        raise InvalidInput(
            f"posts is {value!r}.", next_step=f"Give a whole number from 1 to {level.posts_a_month}."
        )
    if number > level.posts_a_month:
        raise LimitExceeded(
            f"The tier {level.name} has {level.posts_a_month} posts a month, {number} were asked for.",
            next_step="Ask for fewer with --posts, or choose a higher tier with --tier.",
        )
    return number


def chosen_platforms(value: Sequence[str] | str | None, info: ValidationInfo) -> tuple[str, ...]:
    """Return the codes of platforms, each once, no more than the tier has."""
    level = _against(info).level
    value = DEFAULT_PLATFORMS if value is None else value
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


def language(value: Any) -> str:
    """Return an ISO 639-1 code, in small letters."""
    text = str(value or "cs").lower()
    if not _LANGUAGE.fullmatch(text):
        raise InvalidInput(
            f"The language {text[:40]!r} is no ISO 639-1 code.",
            next_step="Use two letters, such as cs or en.",
        )
    return text


def videos(value: Any, info: ValidationInfo) -> int:
    """Return for how many posts a clip is made: none to all of them."""
    most = info.data["posts"]
    number = _whole(value, -1)
    if not 0 <= number <= most:
        raise InvalidInput(f"videos is {value!r}.", next_step=f"Give a whole number from 0 to {most}.")
    return number


def _whole(value: Any, otherwise: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return otherwise


def line(value: Any, info: ValidationInfo) -> str:
    """Return a short text in one line."""
    text = " ".join(str(value or "").split())
    if len(text) > MAX_NAME:
        raise InvalidInput(
            f"The field {info.field_name} has {len(text)} characters.", next_step=f"Use at most {MAX_NAME}."
        )
    return text


def time_zone(value: Any) -> str:
    """Return the name of a time zone of the IANA database."""
    name = str(value or "Europe/Prague")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"The time zone {name[:60]!r} is unknown.", next_step="Use an IANA name, such as Europe/Prague."
        ) from None
    return name


def day_in(zone: str, moment: date) -> date:
    """Return the day that a moment is in a time zone; a day stays what it is."""
    return moment.astimezone(ZoneInfo(time_zone(zone))).date() if isinstance(moment, datetime) else moment


def policies(value: Any) -> dict[str, Policy]:
    """Return the policy of each review point from one word or a mapping of point → word."""
    value = value or "ask"
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


def templates(value: Any) -> dict[str, int | str]:
    """Return prompt versions, as numbers or labels, by template."""
    value = value or {}
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


def _against(info: ValidationInfo) -> Against:
    assert isinstance(info.context, Against), "a request is read by month_request.parse"
    return info.context
