"""Values for the kinds of `sandbox.fields`: titles, names, questions, hashtags and the rest."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.prose.brief import Brief
from sandbox.prose.fields import bounds, slugify
from sandbox.prose.frames import capitalise, fill
from sandbox.prose.words import Theme, pairs
from sandbox.prose.writer import Writer, fit

_TIDY = re.compile(r"[^\w\s]", re.UNICODE)


@dataclass
class Subject:
    """What one object of an answer is about, shared by its fields."""

    path: str
    keyword: str = ""
    theme: Theme | None = None
    female: bool = False
    index: int = 0
    title: str = ""
    neighbours: frozenset[str] = field(default_factory=frozenset)
    question: str = ""
    given: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """One string to write: its kind, its limits, what it must contain, where it stands."""

    kind: str
    low: int | None
    high: int | None
    must: tuple[str, ...]
    subject: Subject
    path: str
    description: str = ""
    in_list: bool = False


def hashtag(text: str) -> str:
    parts = _TIDY.sub(" ", text).split()
    return "#" + "".join(capitalise(part) if len(parts) > 1 else part for part in parts)


def holds(text: str, term: str) -> bool:
    """Whether a text contains a term word for word; at the very start it may have its capital letter."""
    return term in text or text.startswith(capitalise(term))


class Phrases:
    """Writes single values. Kinds without a maker of their own are the lists of that name among the words."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.brief: Brief = writer.brief
        self.trade = writer.brief.trade
        self.kinds = writer.kinds
        self._makers: dict[str, Callable[[Wanted, random.Random], list[str]]] = {
            "title": self._titles,
            "meta_title": self._titles,
            "heading": self._headings,
            "question": lambda wanted, source: [line.split("|")[0] for line in self._faq(wanted)],
            "keyphrase": lambda wanted, source: [self._keyword(wanted)],
            "keyword": self._keywords,
            "hashtag": self._hashtags,
            "full_name": self._people,
            "slug": lambda wanted, source: [slugify(wanted.subject.title or self._keyword(wanted))],
            "scene": self._scenes,
            "motion": self._motions,
            "meta": self._metas,
            "palette": self._palettes,
            "source_url": self._urls,
            "name": lambda wanted, source: [capitalise(one) for one in self._keywords(wanted, source)],
        }

    def _keyword(self, wanted: Wanted) -> str:
        return wanted.subject.keyword or self.writer.base.keyword

    def _fill_all(self, frames: Sequence[str], wanted: Wanted, source: random.Random) -> list[str]:
        """Every frame once. Items of one list begin at different frames, so that they do not come out alike."""
        slots = self.writer.slots(wanted.subject.keyword, wanted.subject.female).focus(source)
        around = wanted.subject.path if wanted.in_list else wanted.subject.path.rsplit("/", 1)[0]
        order = self._turned(frames, wanted, "frames", around, wanted.kind)
        return [fill(frame, slots, source) for frame in order]

    def _turned(self, options: Sequence[str], wanted: Wanted, *path: object) -> list[str]:
        """The options in an order of their own, from the place that the item of a list begins at."""
        order = list(options)
        self.writer.rng(*path).shuffle(order)
        start = wanted.subject.index % len(order)
        return order[start:] + order[:start]

    def filled(self, name: str, wanted: Wanted, source: random.Random) -> list[str]:
        return self._fill_all(self.kinds[name], wanted, source)

    def _titles(self, wanted: Wanted, source: random.Random) -> list[str]:
        given = wanted.subject.title if wanted.kind == "meta_title" else ""
        if not given and not wanted.subject.path and len(self.brief.title) <= 120:
            given = self.brief.title
        return [*filter(None, [given]), *self.filled("title", wanted, source)]

    def _headings(self, wanted: Wanted, source: random.Random) -> list[str]:
        theme = wanted.subject.theme
        own = self._fill_all(theme.heading, wanted, source) if theme else []
        return own + self.filled("title", wanted, source)

    def _metas(self, wanted: Wanted, source: random.Random) -> list[str]:
        heads, tails = self.filled("meta", wanted, source), self.kinds["meta_tail"]
        return heads + [f"{head} {fill(tail, self.writer.base, source)}" for head in heads for tail in tails]

    def _palettes(self, wanted: Wanted, source: random.Random) -> list[str]:
        """Three codes for a palette in one string, one colour for an item of a list."""
        codes = source.choice(self.kinds["palette"])
        if "hex" in wanted.description.lower() or "#" in wanted.description:
            return codes.split() if wanted.in_list else [codes.replace(" ", ", ")]
        names = source.sample(self.kinds["colour"], 6)
        return names if wanted.in_list else [", ".join(names[:3]), codes.replace(" ", ", ")]

    def _faq(self, wanted: Wanted) -> list[str]:
        """Questions with their answers, each item of a list begins at its own."""
        lines = self._turned(self.trade.lists["question"], wanted, "faq")
        start = wanted.subject.index % len(lines)
        slots = self.writer.slots(wanted.subject.keyword).focus(self.writer.rng("faq", start))
        return [fill(line, slots, self.writer.rng("faq", line)) for line in lines]

    def answer(self, wanted: Wanted) -> list[str]:
        """The sentences that answer the question of the same item."""
        lines = self._faq(wanted)
        asked = wanted.subject.question.lower()
        line = next((one for one in lines if asked and one.split("|")[0].lower() in asked), lines[0])
        return line.split("|")[1:]

    def _keywords(self, wanted: Wanted, source: random.Random) -> list[str]:
        subjects = [one for one in self.trade.lists["subject"] if one != wanted.subject.keyword]
        source.shuffle(subjects)
        return [*filter(None, [wanted.subject.keyword]), *subjects]

    def _hashtags(self, wanted: Wanted, source: random.Random) -> list[str]:
        words = [self.brief.company, self._keyword(wanted), *self._keywords(wanted, source)]
        return [hashtag(word) for word in words if word and len(word) < 40]

    def _people(self, wanted: Wanted, source: random.Random) -> list[str]:
        letter = "f" if wanted.subject.female else "m"
        names = [
            self._turned(self.kinds[f"{part}_{letter}"], wanted, "people", part) for part in ("first", "last")
        ]
        return [" ".join(pair) for pair in zip(*names, strict=False)]

    def _scenes(self, wanted: Wanted, source: random.Random) -> list[str]:
        """Long, shorter and short descriptions of what a picture shows."""
        made: list[str] = []
        for scene in source.sample(self.trade.lists["scene"], len(self.trade.lists["scene"])):
            lit = f"{capitalise(scene)}, {source.choice(self.kinds['light'])}."
            detail = capitalise(source.choice(self.kinds["detail"]))
            made += [f"{capitalise(scene)}.", lit, f"{lit} {detail}."]
        return made[::-1]

    def _motions(self, wanted: Wanted, source: random.Random) -> list[str]:
        return [f"{scene} {source.choice(self.kinds['motion'])}" for scene in self._scenes(wanted, source)]

    def _urls(self, wanted: Wanted, source: random.Random) -> list[str]:
        urls = self.brief.urls or ["https://www.example.com/"]
        start = wanted.subject.index % len(urls)
        return urls[start:] + urls[:start]

    def stated(self, wanted: Wanted) -> list[str] | None:
        """What the prompt itself says of a fact about the company; None for kinds that are no such facts."""
        kind = wanted.kind
        if kind not in dict(pairs("reading", "fact")):
            return None
        if kind in self.trade.lists:
            return self.brief.listed(kind)
        low, high, _ = bounds("extract", wanted.low, wanted.high)
        return [*filter(None, [self.brief.fact(kind, low, high)])]

    def candidates(self, wanted: Wanted, source: random.Random) -> list[str]:
        """Values that would do, best first; empty where prose is wanted."""
        if found := self.stated(wanted):
            return found
        if maker := self._makers.get(wanted.kind):
            return maker(wanted, source)
        frames = self.kinds.get(wanted.kind) or self.trade.lists.get(wanted.kind) or ()
        return self._fill_all(frames, wanted, source) if frames else []

    def choose(self, candidates: Sequence[str], wanted: Wanted, taken: set[str]) -> str:
        """The first candidate that fits, or the best one made to fit."""
        low, high, _ = bounds(wanted.kind, wanted.low, wanted.high)
        low = wanted.low or 0
        high = wanted.high if wanted.high is not None else max(high, 400)

        def fits(one: str) -> bool:
            return (
                low <= len(one) <= high and all(holds(one, term) for term in wanted.must) and one not in taken
            )

        for one in candidates:
            if fits(one):
                return one
        for parts, one in self._stretched(candidates, wanted, low):
            if fits(one) and not taken & set(parts):
                taken |= set(parts)
                return one
        best = next((one for one in candidates if one not in taken and len(one) <= high), "")
        best = best or next((one for one in candidates if one not in taken), candidates[0])
        return self.squeeze(best, wanted, low, high)

    def _stretched(
        self, candidates: Sequence[str], wanted: Wanted, low: int
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Longer values made of two parts: sentences in a row, questions with a lead, headings with a tail."""
        short = [one for one in candidates if len(one) < low or wanted.must][:30]
        source = self.writer.rng("stretch", wanted.path)
        if wanted.kind == "question":
            for lead in self._extras("question_lead", source):
                yield from (((lead, one), f"{lead} {one[:1].lower()}{one[1:]}") for one in short)
        elif all(one[-1:] in ".!?" for one in short):
            yield from (((one, two), f"{one} {two}") for one in short for two in short if one != two)
        else:
            for tail in self._extras("heading_tail", source):
                yield from (((one, tail), f"{one}: {tail}") for one in short if ":" not in one)
                yield from (((one, tail), f"{one} – {tail}") for one in short)

    def _extras(self, name: str, source: random.Random) -> list[str]:
        frames = source.sample(self.kinds[name], len(self.kinds[name]))
        return [fill(frame, self.writer.base, source) for frame in frames]

    def squeeze(self, text: str, wanted: Wanted, low: int, high: int) -> str:
        """Bring a short text between its limits with the wanted terms in it."""
        missing = [term for term in wanted.must if not holds(text, term)]
        if missing:
            text = ", ".join(missing) + (
                f": {text}" if not any(m.lower() in text.lower() for m in missing) else ""
            )
        return fit(text, low, high, self.writer.language)
