"""The month's plan: which day and author each topic has is code's matter, its words are the model's."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from pydantic import Field, field_validator

from domain.content.written import Content
from domain.errors import InvalidInput
from domain.text import key

SearchIntent = Literal["informational", "commercial", "transactional", "navigational"]
SEARCH_INTENTS: tuple[str, ...] = get_args(SearchIntent)

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the plan: ``item`` (t01, t02, … in date order), its day, the id of its persona."""

    item: str
    date: dt.date
    persona: str


class Topic(Content):
    """One planned article. ``item``, ``planned_date`` and ``persona_id`` come from its slot."""

    item: str
    title: str = Field(min_length=1, max_length=300)
    subtitle: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    focus_keyword: str = Field(min_length=1, max_length=120)
    search_intent: SearchIntent = "informational"
    planned_date: dt.date
    persona_id: str

    @field_validator("keywords", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        """Forms send lists back as one line."""
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )


class Earlier(Protocol):
    """A topic of another month, as the store returns it."""

    @property
    def title(self) -> str: ...
    @property
    def focus_keyword(self) -> str: ...


def month_days(month: str, not_before: dt.date | None = None) -> list[dt.date]:
    """Return the days of a month ``YYYY-MM``, without those before ``not_before``.

    Raises:
        InvalidInput: The month is not written so, or is over.
    """
    match = _MONTH.fullmatch(month)
    if not match or match[1] == "0000":
        raise InvalidInput(f"The month {month[:20]!r} is not a month.", next_step="Write it as 2027-01.")
    year, number = int(match[1]), int(match[2])
    last = calendar.monthrange(year, number)[1]
    days = [dt.date(year, number, day) for day in range(1, last + 1)]
    left = [day for day in days if not_before is None or day >= not_before]
    if not left:
        raise InvalidInput(f"The month {month} is over.", next_step="Choose this month or a later one.")
    return left


def plan_slots(
    month: str, count: int, personas: Sequence[str], not_before: dt.date | None = None
) -> list[Slot]:
    """Spread ``count`` topics over the month by equal distance and over the personas in turn.

    Two share a day only when there are more topics than days; personas' counts differ by at most one.

    Args:
        month: ``YYYY-MM``.
        count: How many topics, at least 1.
        personas: Their ids, in the order in which they take turns.
        not_before: The first day that may be planned (today, in the current month).

    Raises:
        InvalidInput: No such month, a month that is over, no topics or no personas.
    """
    if count < 1 or not personas:
        raise InvalidInput(
            "A plan needs at least one topic and one persona.", next_step="Ask for more of them."
        )
    days = month_days(month, not_before)
    digits = max(2, len(str(count)))
    return [
        Slot(
            item=f"t{number + 1:0{digits}d}",
            date=days[(2 * number + 1) * len(days) // (2 * count)],
            persona=personas[number % len(personas)],
        )
        for number in range(count)
    ]


def slot_of(topic: Topic) -> Slot:
    """Return the slot that a topic fills, to have it filled anew."""
    return Slot(topic.item, topic.planned_date, topic.persona_id)


def topics_schema(slots: Sequence[Slot]) -> dict[str, Any]:
    """JSON Schema ``{"topics": [...]}``: one topic for every slot, named by the slot's item."""
    topic = _topic_schema([slot.item for slot in slots])
    return {
        "type": "object",
        "properties": {
            "topics": {"type": "array", "minItems": len(slots), "maxItems": len(slots), "items": topic}
        },
        "required": ["topics"],
        "additionalProperties": False,
    }


def parse_topics(obj: Any, slots: Sequence[Slot]) -> list[Topic]:
    """Read the model's answer (``{"topics": [...]}`` or the bare list) into the slots, in their order.

    Topics go to the slot that they name; those that name none, or a taken one, fill what is left, in turn.

    Raises:
        ValueError: There are not as many topics as slots, or one of them is not valid.
    """
    rows = obj.get("topics") if isinstance(obj, dict) else obj
    if (
        not isinstance(rows, list)
        or len(rows) != len(slots)
        or not all(isinstance(row, dict) for row in rows)
    ):
        have = len(rows) if isinstance(rows, list) else 0
        raise ValueError(f"topics must be a list of exactly {len(slots)} topics; there are {have}")
    by_item = _seat(rows, [slot.item for slot in slots])
    return [_topic(by_item[slot.item], slot) for slot in slots]


def topic_problems(
    topics: Iterable[Topic], earlier: Iterable[Earlier | Mapping[str, str]] = ()
) -> dict[str, list[str]]:
    """Find topics that repeat a title or a focus keyword of each other or of earlier ones.

    Args:
        topics: In date order.
        earlier: Topics of earlier months and those already settled; plain ones have ``title`` and
            ``focusKeyword``.

    Returns:
        By item, sentences that say what to change; of two in one plan the later is to change.
    """
    before = [_words(one) for one in earlier]
    titles = {key(title): "another article" for title, _ in before}
    keywords = {key(keyword): "another article" for _, keyword in before}
    problems: dict[str, list[str]] = {}
    for topic in topics:
        found = []
        if where := titles.get(key(topic.title)):
            found.append(f"The title “{topic.title}” repeats that of {where}: choose another subject.")
        if where := keywords.get(key(topic.focus_keyword)):
            found.append(
                f"The focus keyword “{topic.focus_keyword}” is taken by {where}: choose another one."
            )
        titles.setdefault(key(topic.title), topic.item)
        keywords.setdefault(key(topic.focus_keyword), topic.item)
        if found:
            problems[topic.item] = found
    return problems


def _words(earlier: Earlier | Mapping[str, str]) -> tuple[str, str]:
    if isinstance(earlier, Mapping):
        return earlier["title"], earlier["focusKeyword"]
    return earlier.title, earlier.focus_keyword


def _seat(rows: list[dict[str, Any]], items: list[str]) -> dict[str, dict[str, Any]]:
    seated: dict[str, dict[str, Any]] = {}
    standing = []
    for row in rows:
        item = row.get("item")
        if isinstance(item, str) and item in items and item not in seated:
            seated[item] = row
        else:
            standing.append(row)
    free = (item for item in items if item not in seated)
    return seated | dict(zip(free, standing, strict=True))


def _topic(row: dict[str, Any], slot: Slot) -> Topic:
    words = {name: value for name, value in row.items() if name not in _OF_THE_SLOT}
    return Topic.model_validate(
        {**words, "item": slot.item, "plannedDate": slot.date, "personaId": slot.persona}
    )


_OF_THE_SLOT = {"item", "plannedDate", "planned_date", "personaId", "persona_id"}


def _topic_schema(items: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "item": {
            "type": "string",
            "enum": items,
            "description": "The slot that the topic is for; each once.",
        },
        "title": _text(25, 80, "Working title of the article. No two alike."),
        "subtitle": _text(25, 110, "What the reader gets out of it."),
        "description": _text(100, 300, "The angle, what the article answers and for whom."),
        "keywords": {
            "type": "array",
            "minItems": 3,
            "maxItems": 6,
            "items": _text(3, 32, "A phrase that people search for."),
        },
        "focusKeyword": _text(6, 36, "2 to 4 words as people type them, in the nominative. No two alike."),
        "searchIntent": {"type": "string", "enum": list(SEARCH_INTENTS)},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(shortest: int, longest: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": shortest, "maxLength": longest, "description": description}
