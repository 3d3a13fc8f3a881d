"""Writes prose of a wanted length about a subject, no frame twice in one answer."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sandbox.prose.brief import Brief
from sandbox.prose.fields import Span
from sandbox.prose.frames import Slots, capitalise, fill
from sandbox.prose.words import table, vocabulary
from sandbox.seeds import rng

Pieces = Iterator[tuple[str, str]]
"""What goes before a piece of text, and the piece."""

EDGES = ("intro", "conclusion")
_SENTENCE = re.compile(r".*[.!?…](?=\s|$)", re.DOTALL)


def clip(text: str, span: Span) -> str:
    """Shorten to the highest length: at a sentence's end if that leaves the lowest, else at a word's, else hard."""
    if len(text) <= span.high:
        return text
    head = text[: span.high]
    sentences = _SENTENCE.match(head)
    words = head[: head.rfind(" ") + 1].rstrip(" ,;:–-")
    return next(
        (one for one in (sentences[0] if sentences else "", words) if len(one) >= max(span.low, 1)), head
    )


def grow(pieces: Pieces, span: Span, end: str = "") -> str:
    """Put pieces together until they are about as long as wanted; what would pass the limit is left out."""
    text, misses = "", 0
    for gap, piece in pieces:
        longer = f"{text}{gap}{piece}" if text else piece
        fits = len(longer) + len(end) <= span.high
        text, misses = (longer, misses) if fits else (text, misses + 1)
        if len(text) + len(end) >= max(span.low, span.aim) or misses > 40:
            break
    return text + end if text else ""


class Writer:
    """Writes for one answer; keeps what was said, so that nothing is said twice in it."""

    def __init__(self, brief: Brief, language: str = "") -> None:
        self.brief = brief
        self.language = language or brief.language
        self.words = vocabulary(self.language, brief.trade)
        self.themes = table(f"{self.language}/themes")
        self.middle = [name for name in self.themes if name not in EDGES]
        self.said: set[str] = set()
        month = brief.month[1] if brief.month else 1 + int(brief.seed[:4], 16) % 12
        subjects = self.words["subject"]
        self.base = Slots(
            lists=self.words,
            keyword=brief.keyword or brief.topic or subjects[int(brief.seed[4:8], 16) % len(subjects)],
            company=brief.company or "PostHub Sandbox",
            season=self.words["season"][month % 12 // 3],
        )

    def rng(self, *path: object) -> random.Random:
        return rng(self.brief.seed, *path)

    def slots(self, keyword: str = "", female: bool = False) -> Slots:
        return replace(self.base, keyword=keyword or self.base.keyword, female=female)

    def fit(self, text: str, span: Span) -> str:
        """Bring a text between its limits."""
        text = clip(text, span)
        stem = text.rstrip(".!?… ")
        while len(text) < span.low:
            stem = f"{stem} {self.words['padding'][0]}".strip()
            text = clip(f"{stem}.", span)
        return text

    def fresh(self, frames: Sequence[str], count: int, source: random.Random) -> list[str]:
        """So many of the frames that have not been said, in their own order."""
        unsaid = [at for at, frame in enumerate(frames) if frame not in self.said]
        return [frames[at] for at in sorted(source.sample(unsaid, min(count, len(unsaid))))]

    def say(self, frame: str, slots: Slots, source: random.Random) -> str:
        self.said.add(frame)
        return fill(frame, slots, source)

    def outlined(self, outline: list[list[str]], slots: Slots, source: random.Random) -> Pieces:
        """Sentences in the turn of an outline of fields.toml, until its lists have no more."""
        for gap, name in [*outline[:1], *outline[1:] * 30]:
            for frame in self.fresh(self.words[name], 1, source):
                yield gap, self.say(frame, slots, source)

    def told(self, theme: str, slots: Slots, source: random.Random, must: bool, lists: bool) -> Pieces:
        """Endless sentences about a theme by paragraph; the first one has the key phrase if it must."""
        for number, frames in enumerate(self._paragraphs(theme, source, lists)):
            if must and not number and "{kw}" not in " ".join(frames):
                frames.insert(1, source.choice(self.words["must"]))
            for at, frame in enumerate(frames):
                yield " " if at else "\n\n", self.say(frame, slots, source)

    def _paragraphs(self, theme: str, source: random.Random, lists: bool) -> Iterator[list[str]]:
        """Frames by paragraph, without end: the theme, facts of the trade in between, remarks, then all anew."""
        words, frames, middle = self.words, self.themes[theme], theme not in EDGES
        body = self.fresh(frames["body"], max(9, int(len(frames["body"]) * 0.75)), source)
        yield [*self.fresh(frames["open"], 1, source), *body[:3]]
        yield [*body[3:6], *self.fresh(words["mention"], 1, source)]
        body = body[6:]
        if lists and middle and source.random() < 0.55:
            lead, tips = self.fresh(words["list_lead"], 1, source), self.fresh(words["tip"], 3, source)
            self.said.update(lead + tips)
            yield ["\n- ".join([f"{lead[0]}\n", *tips])] if lead and len(tips) > 1 else tips
        while True:
            # what introduces and what sums up speaks for itself: the trade's facts belong into the middle
            facts = self.fresh(words["fact"], 2, source) if middle else []
            if (
                len(facts) > 1
                and source.random() < 0.6
                and (lead := self.fresh(words["fact_lead"], 1, source))
            ):
                self.said.update([*lead, facts[0]])
                facts[0] = f"{lead[0]} {facts[0]}"
            more = body[:4] + ([] if len(body) > 2 else self.fresh(words["aside"], 3, source))
            body = body[4:]
            yield from (one for one in (facts, more) if one)
            if not facts and not more:
                self.said.clear()  # everything has been said: a text of this length repeats itself

    def prose(
        self,
        theme: str,
        slots: Slots,
        source: random.Random,
        span: Span,
        must: bool = False,
        end: str = "",
    ) -> str:
        """Text about a theme that ends with a sentence; long text has paragraphs and may have a Markdown list."""
        slots = slots.focus(source)
        close = self.fresh(self.themes[theme]["close"], 1, source)
        closing = f" {self.say(close[0], slots, source)}" if close and len(close[0]) < span.high // 3 else ""
        pieces = self.told(theme, slots, source, must, span.aim > 900)
        spaced = ((gap if span.aim > 350 else " ", piece) for gap, piece in pieces)
        return self.fit(grow(spaced, span, closing + end) or capitalise(slots.keyword), span)
