"""Values for the kinds of `sandbox.fields`: titles, names, questions, hashtags and the rest."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.prose.brief import Brief
from sandbox.prose.extract import listed, sentence_about
from sandbox.prose.fields import bounds
from sandbox.prose.frames import capitalise, fill
from sandbox.prose.words import Theme
from sandbox.prose.writer import Writer, clip, pad

_TIDY = re.compile(r"[^\w\s]", re.UNICODE)
_FROM_KINDS = frozenset(
    [
        "subtitle",
        "cta",
        "hook",
        "frustration",
        "vocabulary",
        "sentence",
        "metaphor",
        "argument",
        "phrase",
        "artstyle",
        "atmosphere",
        "backstory",
        "hobby",
        "reason",
        "theme",
    ]
)
_FROM_TRADE = frozenset(["role", "products", "competitors", "values", "pain", "desire"])
_EXTRACTED = {"mission": "mission", "vision": "vision", "audience": "audience", "usp": "usp"}
_LISTED = frozenset({"products", "competitors", "values", "pain", "desire"})
_LEVELS = {"cs": ("nízká", "střední", "vyšší"), "en": ("low", "medium", "higher")}


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


def plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def slugify(text: str, high: int = 60) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", plain(text).lower()).strip("-")
    return slug[:high].rstrip("-") or "clanek"


def hashtag(text: str) -> str:
    parts = _TIDY.sub(" ", text).split()
    return "#" + "".join(capitalise(part) if len(parts) > 1 else part for part in parts)


def holds(text: str, term: str) -> bool:
    """Whether a text contains a term word for word; at the very start it may have its capital letter."""
    return term in text or text.startswith(capitalise(term))


class Phrases:
    """Writes single values. ``taken`` keeps those of one list apart."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.brief: Brief = writer.brief
        self.trade = writer.brief.trade
        self.kinds = writer.kinds
        self.language = writer.language
        self._special: dict[str, Callable[[Wanted, random.Random], Iterable[str]]] = {
            "title": self._titles,
            "meta_title": self._titles,
            "heading": self._headings,
            "question": self._questions,
            "keyphrase": lambda wanted, source: [wanted.subject.keyword or self.writer.base.keyword],
            "keyword": self._keywords,
            "hashtag": self._hashtags,
            "full_name": self._people,
            "value": lambda wanted, source: self.filled("value", wanted, source),
            "signature": lambda wanted, source: self.filled("signature", wanted, source),
            "field": lambda wanted, source: [self.trade.one("field")],
            "slug": lambda wanted, source: [
                slugify(wanted.subject.title or wanted.subject.keyword or self._kw())
            ],
            "level": lambda wanted, source: _LEVELS[self.language][source.randrange(3) :],
            "scene": self._scenes,
            "motion": self._motions,
            "meta": self._metas,
            "alt": self._alts,
            "takeaway": lambda wanted, source: self.filled("takeaway", wanted, source),
            "palette": self._palettes,
            "source_url": self._urls,
            "email": lambda wanted, source: [f"info@{slugify(self.brief.company or 'firma')}.example"],
            "phone": lambda wanted, source: [
                f"+420 {source.randrange(601, 778)} 000 {source.randrange(100, 999)}"
            ],
            "name": self._labels,
        }

    def _kw(self) -> str:
        return self.writer.base.keyword

    def _fill_all(self, frames: Sequence[str], wanted: Wanted, source: random.Random) -> list[str]:
        """Every frame once. Items of one list begin at different frames, so that they do not come out alike."""
        slots = self.writer.slots(wanted.subject.keyword, wanted.subject.female).focus(source)
        order = list(frames)
        around = wanted.subject.path if wanted.in_list else wanted.subject.path.rsplit("/", 1)[0]
        self.writer.rng("frames", around, wanted.kind).shuffle(order)
        start = wanted.subject.index % len(order)
        return [fill(frame, slots, source) for frame in order[start:] + order[:start]]

    def filled(self, name: str, wanted: Wanted, source: random.Random) -> list[str]:
        return self._fill_all(self.kinds[name], wanted, source)

    def _titles(self, wanted: Wanted, source: random.Random) -> list[str]:
        if wanted.subject.title and wanted.kind == "meta_title":
            return [wanted.subject.title, *self.filled("title", wanted, source)]
        if self.brief.title and not wanted.subject.path and len(self.brief.title) <= 120:
            return [self.brief.title, *self.filled("title", wanted, source)]
        return self.filled("title", wanted, source)

    def _headings(self, wanted: Wanted, source: random.Random) -> list[str]:
        theme = wanted.subject.theme
        own = self._fill_all(theme.heading, wanted, source) if theme else []
        return own + self.filled("title", wanted, source)

    def _questions(self, wanted: Wanted, source: random.Random) -> list[str]:
        return [line.split("|")[0] for line in self._faq(wanted)]

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
        """Questions in an order of this answer, rotated so that each item of a list begins at its own."""
        lines = list(self.trade.lists["question"])
        self.writer.rng("faq").shuffle(lines)
        start = wanted.subject.index % len(lines)
        slots = self.writer.slots(wanted.subject.keyword).focus(self.writer.rng("faq", start))
        return [fill(line, slots, self.writer.rng("faq", line)) for line in lines[start:] + lines[:start]]

    def answer(self, wanted: Wanted) -> list[str]:
        """The sentences that answer the question of the same item."""
        lines = self._faq(wanted)
        asked = wanted.subject.question.lower()
        line = next((one for one in lines if asked and one.split("|")[0].lower() in asked), lines[0])
        return line.split("|")[1:]

    def _keywords(self, wanted: Wanted, source: random.Random) -> list[str]:
        subjects = [one for one in self.trade.lists["subject"] if one != wanted.subject.keyword]
        source.shuffle(subjects)
        return ([wanted.subject.keyword] if wanted.subject.keyword else []) + subjects

    def _hashtags(self, wanted: Wanted, source: random.Random) -> list[str]:
        words = [self.brief.company, wanted.subject.keyword or self._kw(), *self._keywords(wanted, source)]
        return [hashtag(word) for word in words if word and len(word) < 40]

    def _people(self, wanted: Wanted, source: random.Random) -> list[str]:
        letter = "f" if wanted.subject.female else "m"
        firsts, lasts = list(self.kinds[f"first_{letter}"]), list(self.kinds[f"last_{letter}"])
        pool = self.writer.rng("people", letter)
        pool.shuffle(firsts)
        pool.shuffle(lasts)
        index = wanted.subject.index
        return [
            f"{firsts[(index + i) % len(firsts)]} {lasts[(index + i) % len(lasts)]}"
            for i in range(len(firsts))
        ]

    def _scenes(self, wanted: Wanted, source: random.Random) -> list[str]:
        """Short, longer and long descriptions of what a picture shows."""
        made: list[str] = []
        for scene in source.sample(self.trade.lists["scene"], len(self.trade.lists["scene"])):
            light, detail = source.choice(self.kinds["light"]), source.choice(self.kinds["detail"])
            made += [
                f"{capitalise(scene)}.",
                f"{capitalise(scene)}, {light}.",
                f"{capitalise(scene)}, {light}. {capitalise(detail)}.",
            ]
        return made[::-1]

    def _motions(self, wanted: Wanted, source: random.Random) -> list[str]:
        moves = self.kinds["motion"]
        return [f"{scene} {source.choice(moves)}" for scene in self._scenes(wanted, source)]

    def _alts(self, wanted: Wanted, source: random.Random) -> list[str]:
        keyword = wanted.subject.keyword or self._kw()
        if self.language == "cs":
            ends = (
                "detail rukou při práci",
                "klidná scéna v denním světle",
                "lidé u společného stolu",
                "pracovní stůl",
            )
            return [f"Ilustrace k tématu {keyword}: {end}" for end in source.sample(ends, len(ends))]
        return [f"Illustration of {keyword}: {end}" for end in ("hands at work", "a calm scene in daylight")]

    def _urls(self, wanted: Wanted, source: random.Random) -> list[str]:
        urls = self.brief.urls or ["https://www.example.com/"]
        return [urls[(wanted.subject.index + i) % len(urls)] for i in range(len(urls))]

    def _labels(self, wanted: Wanted, source: random.Random) -> list[str]:
        return [capitalise(one) for one in self._keywords(wanted, source)]

    def listed_count(self, kind: str) -> int:
        return len(listed(self.brief.prompt, kind)) if kind in _LISTED else 0

    def missing(self, wanted: Wanted) -> bool:
        """Whether this is a fact that the prompt does not give: a model asked not to invent leaves it out."""
        if wanted.kind in _EXTRACTED:
            low, high, _ = bounds("extract", wanted.low, wanted.high)
            return not sentence_about(self.brief.prompt, wanted.kind, low, high)
        return wanted.kind in _LISTED and not listed(self.brief.prompt, wanted.kind)

    def candidates(self, wanted: Wanted, source: random.Random) -> list[str]:
        """Values that would do, best first; empty where prose is wanted."""
        kind = wanted.kind
        if kind in _LISTED and (found := listed(self.brief.prompt, kind)):
            return found
        if kind in _EXTRACTED:
            low, high, _ = bounds("extract", wanted.low, wanted.high)
            found_text = sentence_about(self.brief.prompt, kind, low, high)
            return [found_text] if found_text else self.filled(_EXTRACTED[kind], wanted, source)
        if kind in self._special:
            return list(self._special[kind](wanted, source))
        if kind in _FROM_KINDS:
            return self.filled(kind, wanted, source)
        if kind in _FROM_TRADE:
            return self._fill_all(self.trade.lists[kind], wanted, source)
        return []

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
        if len(text) < low:
            text = pad(text, low, high, self.language)
        return clip(text, low, high)
