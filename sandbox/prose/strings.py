"""Writes one string of an answer: by format, by pattern, or by the kind that its name tells."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, product
from typing import Any

from sandbox.prose.brief import Brief, quoted_terms
from sandbox.prose.fields import Span, kind_of, slugify
from sandbox.prose.frames import Slots, capitalise, fill
from sandbox.prose.patterns import matching
from sandbox.prose.words import rule, table
from sandbox.prose.writer import Writer, grow

_PROSE = frozenset({"content", "text", "answer", "social", "description"})


@dataclass(frozen=True)
class Place:
    """Where a value stands and what it is about; of a text also what it has to be."""

    path: str = ""
    name: str = ""
    list_path: str = ""
    index: int = 0
    count: int = 1
    neighbours: frozenset[str] = frozenset()
    keyword: str = ""
    theme: str = ""
    known: dict[str, str] = field(default_factory=dict)
    """What has been written beside it, by kind."""
    kind: str = ""
    span: Span = field(default_factory=Span)
    must: tuple[str, ...] = ()

    def suits(self, text: str) -> bool:
        return self.span.low <= len(text) <= self.span.high and not self.lacks(text)

    def lacks(self, text: str) -> list[str]:
        """The terms that are not in a text word for word; at its very start one may have its capital letter."""
        return [one for one in self.must if one not in text and not text.startswith(capitalise(one))]


def must_hold(schema: Any) -> tuple[str, ...]:
    """Terms in quotation marks behind a word like "must contain" or „obsahuje“ in the description."""
    description = schema.get("description") if isinstance(schema, Mapping) else ""
    terms: list[str] = []
    for sentence in re.split(r"(?<=[.;!?])\s+(?=[A-ZÁ-Ž])|\n", str(description or "")):
        cue = rule("must").search(sentence)
        if cue and not rule("denied").search(sentence[: cue.end()]):
            terms += quoted_terms(sentence[cue.end() :])
    return tuple(dict.fromkeys(terms))


def _hashtag(text: str) -> str:
    first, *more = re.sub(r"[^\w\s]", " ", text).split() or ["x"]
    return "#" + "".join(map(capitalise, (first, *more))) if more else f"#{first}"


class Strings:
    """Writes the strings of one answer. Kinds without a maker of their own are the lists of that name."""

    def __init__(self, brief: Brief, language: str = "") -> None:
        self.brief = brief
        self.writer = Writer(brief, language)
        self.words = self.writer.words
        self._makers: dict[str, Callable[[Place, Slots], Sequence[str]]] = {
            "title": lambda place, _: self._titles(place, "" if place.list_path else brief.labelled("title")),
            "meta_title": lambda place, _: self._titles(place, place.known.get("title", "")),
            "heading": self._headings,
            "question": lambda place, _: [line.split("|")[0] for line in self._faq(place)],
            "keyphrase": lambda _, slots: [slots.keyword],
            "keyword": self._keywords,
            "name": lambda place, slots: list(map(capitalise, self._keywords(place, slots))),
            "hashtag": self._hashtags,
            "slug": lambda place, slots: [slugify(place.known.get("title", slots.keyword))],
            "source_url": lambda place, _: [self._url(place)],
            "date": lambda place, _: [self._date(place)],
        }

    @cached_property
    def _english(self) -> Strings:
        """For single fields that want English in a prompt that is not."""
        return Strings(self.brief, "en")

    def stated(self, kind: str, span: Span) -> list[str] | None:
        """What the prompt says of a fact about the company; None for kinds that are no such facts."""
        found = self.brief.stated(kind)
        if found is not None and kind in table(f"{self.writer.language}/general"):
            return self.brief.listed(kind)
        low, high = max(span.low, 30), min(span.high, 420)
        return found and [one for one in found if low <= len(one) <= high][:1]

    def write(self, schema: Mapping[str, Any], place: Place, taken: set[str]) -> str:
        """A string for a schema, none of those ``taken`` while there is another."""
        if rule("in_english").search(str(schema.get("description") or "")) and self.writer.language != "en":
            return self._english.write(schema, place, taken)
        source, span = self.writer.rng("string", place.path), Span.of(schema)
        if template := table("fields")["format"].get(schema.get("format")):
            return self._formatted(str(template), place, source)
        kind = kind_of(place.name or "text", place.neighbours, span.high)
        place = replace(place, kind=kind, span=span, must=must_hold(schema))
        text = self._short(place, taken) if kind not in _PROSE else ""
        text = text or self._prose(replace(place, span=span.usual(kind)), source)
        if missing := place.lacks(text):
            text = f"{capitalise(', '.join(missing))}: {text}"
        text, pattern = self.writer.fit(text, span), schema.get("pattern")
        return matching(pattern, text, source, span) if isinstance(pattern, str) else text

    def _slots(self, place: Place) -> Slots:
        female = (place.index + int(self.brief.seed[9:11], 16)) % 2 == 0
        keyword = place.must[0] if place.must else place.keyword
        return self.writer.slots(keyword, female).focus(self.writer.rng("slots", place.path))

    # -- prose -------------------------------------------------------------------------------------------------

    def _prose(self, place: Place, source: random.Random) -> str:
        writer, slots = self.writer, self._slots(place)
        themes = [one for one in writer.themes if one == place.theme] or writer.middle
        theme, outline = source.choice(themes), table("fields")["outline"].get(place.kind)
        if outline is None:
            return writer.prose(theme, slots, source, place.span, bool(place.must), self._signature(place))
        answer = self._answer(place) if place.kind == "answer" else ()
        rest = ((" ", piece) for _, piece in writer.told(theme, slots, source, False, False))
        pieces = chain(((" ", one) for one in answer), writer.outlined(outline, slots, source), rest)
        return grow(pieces, place.span) or capitalise(slots.keyword)

    def _signature(self, place: Place) -> str:
        """A conclusion ends with the author's own last words where the prompt names them."""
        words = self.brief.labelled("signature")
        if not words or (place.kind, place.theme) != ("content", "conclusion"):
            return ""
        end = f"\n\n{words}" + ("" if words[-1] in ".!?…" else ".")
        return end if len(end) + 200 <= place.span.high else ""

    def _faq(self, place: Place) -> list[str]:
        """Questions with their answers, each item of a list begins at its own."""
        lines = self._turned(self.words["question"], place, "faq")
        return [fill(line, self.writer.base, self.writer.rng(line)) for line in lines]

    def _answer(self, place: Place) -> list[str]:
        """The sentences that answer the question of the same item."""
        lines, asked = self._faq(place), place.known.get("question", "").lower()
        line = next((one for one in lines if asked and one.split("|")[0].lower() in asked), lines[0])
        return line.split("|")[1:]

    # -- short values ------------------------------------------------------------------------------------------

    def _turned(self, options: Sequence[str], place: Place, kind: str) -> list[str]:
        """The options in an order of their own; the items of a list begin at different ones."""
        order = list(options)
        self.writer.rng("order", place.list_path, kind).shuffle(order)
        start = place.index % max(len(order), 1)
        return order[start:] + order[:start]

    def _titles(self, place: Place, given: str) -> list[str]:
        return [*filter(None, [given]), *self._turned(self.words["title"], place, "title")]

    def _headings(self, place: Place, slots: Slots) -> list[str]:
        return [*self.writer.themes.get(place.theme, {}).get("heading", ()), *self._titles(place, "")]

    def _hashtags(self, place: Place, slots: Slots) -> list[str]:
        return [_hashtag(one) for one in (self.brief.company, *self._keywords(place, slots)) if one]

    def _keywords(self, place: Place, slots: Slots) -> list[str]:
        """The key phrase of the place, then others of the trade."""
        subjects = [
            one for one in self._turned(self.words["subject"], place, place.path) if one != place.keyword
        ]
        return [*filter(None, [place.keyword]), *subjects]

    def short_values(self, place: Place) -> list[str]:
        """Values that would do, best first; empty where prose is wanted."""
        if found := self.stated(place.kind, place.span):
            return found
        slots, source = self._slots(place), self.writer.rng("fill", place.path)
        if maker := self._makers.get(place.kind):
            return [fill(one, slots, source) for one in maker(place, slots)]
        frames = self._turned(self.words.get(place.kind, ()), place, place.kind)
        return [fill(one, slots, source) for _ in range(24 // max(len(frames), 1) + 1) for one in frames]

    def _short(self, place: Place, taken: set[str]) -> str:
        """The first value that suits, else two parts that do, else the first one that is short enough."""
        values = self.short_values(place)
        for parts, text in chain((((one,), one) for one in values), self._joined(values[:30], place)):
            if taken.isdisjoint(parts) and place.suits(text):
                taken.update(parts)
                return text
        unused = [one for one in values if one not in taken] or values
        return next((one for one in unused if len(one) <= place.span.high), "".join(unused[:1]))

    def _joined(self, values: list[str], place: Place) -> Iterator[tuple[tuple[str, ...], str]]:
        """Longer values of two parts: a question with a lead, sentences in a row, a heading with a tail."""
        sentences = all(one[-1:] in ".!?" for one in values)
        tails = self.words.get(f"{place.kind}_tail", values if sentences else self.words["heading_tail"])
        source, slots = self.writer.rng("tails", place.path), self._slots(place)
        parts = [fill(one, slots, source) for one in source.sample(tails, len(tails))]
        for one, part in product(values, parts):
            if place.kind == "question":
                yield (one, part), f"{part} {one[:1].lower()}{one[1:]}"
            elif one != part:
                yield (one, part), f"{one}{'' if one[-1:] in '.!?' else ' –' if ':' in one else ':'} {part}"

    # -- formats -----------------------------------------------------------------------------------------------

    def _formatted(self, template: str, place: Place, source: random.Random) -> str:
        unique = uuid.UUID(int=source.getrandbits(128), version=4)
        hour = source.randrange(10, 18)
        return template.format(date=self._date(place), url=self._url(place), hour=hour, uuid=unique)

    def _url(self, place: Place) -> str:
        return self.brief.urls[place.index % len(self.brief.urls)]

    def _date(self, place: Place) -> str:
        """A day of the month in question; those of a list go over the whole month."""
        year, month = self.brief.month or (2027, 1)
        spread = int(place.index * 27 / max(place.count, 1)) % 28
        day = 1 + spread if place.list_path else self.writer.rng(place.path).randrange(1, 29)
        return f"{year:04d}-{month:02d}-{day:02d}"
