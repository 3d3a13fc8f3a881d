"""Writes one string for a JSON Schema: by format, by pattern, or by the kind its name tells."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sandbox.prose.brief import Brief, quoted_terms
from sandbox.prose.fields import bounds, kind_of
from sandbox.prose.frames import fill
from sandbox.prose.patterns import matching
from sandbox.prose.phrases import Phrases, Wanted
from sandbox.prose.words import Theme, pairs, rule
from sandbox.prose.writer import Writer, clip, fit, pad

if TYPE_CHECKING:
    from sandbox.prose.schema_filler import Place

_PROSE = frozenset({"content", "text", "answer", "social", "description"})


class Strings:
    """Writes the strings of one answer."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.writer = Writer(brief)
        self.phrases = Phrases(self.writer)
        self._keyphrases: dict[str, list[str]] = {}

    @cached_property
    def _english(self) -> Phrases:
        """For single fields that want English in a prompt that is not."""
        return Phrases(Writer(Brief(self.brief.seed, self.brief.prompt, forced_language="en")))

    def must(self, schema: Any) -> tuple[str, ...]:
        """Terms in quotation marks behind a word like "must contain" or „obsahuje“ in the description."""
        description = str(schema.get("description") or "") if isinstance(schema, Mapping) else ""
        terms: list[str] = []
        for sentence in re.split(r"(?<=[.;!?])\s+(?=[A-ZÁ-Ž])|\n", description):
            cue = rule("must").search(sentence)
            if cue and not rule("denied").search(sentence[: cue.end()]):
                terms += quoted_terms(sentence[cue.end() :])
        return tuple(dict.fromkeys(terms))

    def fresh_keyphrase(self, path: str, index: int) -> str:
        """The key phrase of the item at ``index``: none twice, and none that the prompt already has."""
        if path not in self._keyphrases:
            self._keyphrases[path] = list(self._all_keyphrases(path))
        phrases = self._keyphrases[path]
        return phrases[index % len(phrases)]

    def _all_keyphrases(self, path: str) -> Iterator[str]:
        source = self.writer.rng("keyphrases", path)
        subjects = list(self.brief.subjects)
        modifiers = list(self.writer.kinds["modifier"])
        source.shuffle(subjects)
        source.shuffle(modifiers)
        fresh = [one for one in subjects if one.lower() not in self.brief.lowered]
        yield from fresh
        for shift in range(len(modifiers)):
            for number, subject in enumerate(subjects):
                phrase = f"{subject} {modifiers[(number + shift) % len(modifiers)]}"
                if phrase.lower() not in self.brief.lowered:
                    yield phrase
        yield subjects[0]

    def stated(self, place: Place) -> list[str] | None:
        """What the prompt says of the fact that a field asks for; None where the field asks for no such fact."""
        kind = kind_of(place.name, place.neighbours)
        return self.phrases.stated(Wanted(kind, None, None, (), place.subject, place.path))

    # -- one string --------------------------------------------------------------------------------------------

    def write(self, schema: Mapping[str, Any], place: Place, taken: set[str]) -> str:
        low, high = schema.get("minLength"), schema.get("maxLength")
        source = self.writer.rng("string", place.path)
        name = place.name or "text"
        made = self._formatted(str(schema.get("format") or ""), place, source)
        if made is not None:
            return made
        kind = kind_of(name, place.neighbours, None if high is None else int(high))
        wanted = Wanted(
            kind=kind,
            low=None if low is None else int(low),
            high=None if high is None else int(high),
            must=self.must(schema),
            subject=replace(place.subject, index=place.index),
            path=place.path,
            description=str(schema.get("description") or ""),
            in_list=bool(place.list_path) and place.path.rsplit("/", 1)[0] + "/" == place.list_path,
        )
        text = self._date(place) if kind == "date" else self._written(wanted, source, taken)
        text = fit(text, wanted.low or 0, 10**6 if wanted.high is None else wanted.high, self.brief.language)
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and not _fits(pattern, text, wanted):
            return matching(pattern, source, wanted.low or 0, wanted.high)
        return text

    def _written(self, wanted: Wanted, source: random.Random, taken: set[str]) -> str:
        phrases = self.phrases
        if rule("in_english").search(wanted.description) and self.brief.language != "en":
            phrases = self._english
        candidates = [] if wanted.kind in _PROSE else phrases.candidates(wanted, source)
        return (
            phrases.choose(candidates, wanted, taken) if candidates else self._prose(phrases, wanted, source)
        )

    def _prose(self, phrases: Phrases, wanted: Wanted, source: random.Random) -> str:
        low, high, target = bounds(wanted.kind, wanted.low, wanted.high)
        writer = phrases.writer
        slots = writer.slots(wanted.subject.keyword)
        signature = self._signature(wanted, high)
        if signature:
            low, high, target = max(0, low - len(signature)), high - len(signature), target - len(signature)
        if wanted.kind == "social":
            text = social_text(writer, wanted, low, high, target, source)
        elif wanted.kind == "description":
            text = _gathered(
                phrases.filled("description", wanted, source), low, high, target, writer.language
            )
        elif wanted.kind == "answer":
            text = self._answer(phrases, wanted, (low, high, target), source)
        else:
            theme = self._theme(wanted, writer, source)
            text = writer.prose(low, high, target, theme, slots, source, rich=wanted.kind == "content")
        text = writer.with_terms(text, wanted.must, low, high, source)
        return text + signature

    def _answer(
        self, phrases: Phrases, wanted: Wanted, limits: tuple[int, int, int], source: random.Random
    ) -> str:
        """The answer to the question of the same item, with general remarks if more is wanted."""
        low, high, target = limits
        writer = phrases.writer
        slots = writer.slots(wanted.subject.keyword).focus(source)
        text = clip(" ".join(phrases.answer(wanted)), 0, high)
        for frame in source.sample(writer.kinds["answer_tail"], len(writer.kinds["answer_tail"])):
            more = fill(frame, slots, source)
            if len(text) >= max(low, int(target * 0.7)):
                break
            if frame not in writer.said and len(text) + len(more) + 1 <= high:
                writer.said.add(frame)
                text = f"{text} {more}"
        if len(text) >= low:
            return text
        theme = self._theme(wanted, writer, source)
        return writer.prose(low, high, max(low, target), theme, slots, source, rich=False)

    def _theme(self, wanted: Wanted, writer: Writer, source: random.Random) -> Theme:
        theme = wanted.subject.theme
        if theme is not None and theme.name in writer.themes:
            return writer.themes[theme.name]
        return source.choice(
            [one for name, one in writer.themes.items() if name not in ("intro", "conclusion")]
        )

    def _signature(self, wanted: Wanted, high: int) -> str:
        """A conclusion ends with the author's own last words where the prompt names them."""
        theme, words = wanted.subject.theme, self.brief.signature
        is_end = wanted.kind == "content" and theme is not None and theme.name == "conclusion"
        return f"\n\n{words}" if is_end and words and len(words) + 202 <= high else ""

    def _formatted(self, form: str, place: Place, source: random.Random) -> str | None:
        template = dict(pairs("fields", "format")).get(form)
        urls = self.brief.urls or ["https://www.example.com/"]
        if template is None:
            return None
        return template.format(
            date=self._date(place),
            url=urls[place.index % len(urls)],
            hour=source.randrange(6, 10),
            afternoon=source.randrange(10, 18),
            uuid=uuid.UUID(int=source.getrandbits(128), version=4),
        )

    def _date(self, place: Place) -> str:
        """A day of the month in question; those of a list go over the whole month."""
        year, month = self.brief.month or (2027, 1)
        spread = int(place.index * 27 / max(place.count, 1)) % 28
        day = 1 + spread if place.list_path else self.writer.rng(place.path).randrange(1, 29)
        return f"{year:04d}-{month:02d}-{day:02d}"


def _fits(pattern: str, text: str, wanted: Wanted) -> bool:
    try:
        found = re.search(pattern, text)
    except re.error:
        return True
    return bool(found) and (wanted.low or 0) <= len(text) <= (wanted.high or 10**9)


def _gathered(lines: list[str], low: int, high: int, target: int, language: str) -> str:
    """As many of the lines as come near the wanted length."""
    text = ""
    for line in lines:
        joined = f"{text} {line}".strip()
        if len(joined) > high or (text and len(text) >= max(low, target * 0.7)):
            continue
        text = joined
    return pad(text or lines[0][:high], low, high, language)


def social_text(
    writer: Writer, wanted: Wanted, low: int, high: int, target: int, source: random.Random
) -> str:
    """A post: a hook on its own line, a few short sentences, an invitation."""
    slots = writer.slots(wanted.subject.keyword).focus(source)
    hook = writer.say(writer.kinds["hook"], slots, source)
    lines = [hook] if len(hook) <= high else []
    length = len(hook)
    pools = [
        writer.kinds["social"],
        slots.trade.lists["tip"],
        slots.trade.lists["fact"],
        writer.kinds["takeaway"],
    ]
    misses, number = 0, 0
    while length < target and misses < 30:
        sentence = writer.say(pools[number % len(pools)], slots, source)
        number += 1
        if not sentence or length + len(sentence) + 2 > high:
            misses += 1
            continue
        separator = (
            "\n\n" if number % 3 == 1 and target > 280 else ("\n" if len(lines) == 1 and high > 200 else " ")
        )
        lines.append(separator + sentence)
        length += len(sentence) + len(separator)
    text = lines[0] + "".join(lines[1:]) if lines else hook[:high]
    if len(text) < low:
        theme = next(iter(writer.themes.values()))
        rest = writer.prose(
            low - len(text) - 1, high - len(text) - 1, low - len(text), theme, slots, source, rich=False
        )
        text = f"{text} {rest}"
    return pad(text[:high], low, high, writer.language)
