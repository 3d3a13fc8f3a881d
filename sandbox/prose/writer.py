"""Writes prose of a wanted length about a subject, no sentence twice."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sandbox.prose import words
from sandbox.prose.brief import Brief
from sandbox.prose.frames import Slots, capitalise, fill, season_of
from sandbox.prose.words import Theme
from sandbox.seeds import rng

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s")


def clip(text: str, low: int, high: int) -> str:
    """Shorten to ``high`` characters: at a sentence's end if that leaves ``low``, else at a word's, else hard."""
    if len(text) <= high:
        return text
    head = text[:high]
    ends = [match.start() for match in re.finditer(r"(?<=[.!?…])(?:\s|$)", head)]
    if ends and ends[-1] >= max(low, 1):
        return head[: ends[-1]]
    cut = head.rfind(" ")
    return (
        head[:cut].rstrip(" ,;:–-")
        if cut >= max(low + 3, 1) and len(head[:cut].rstrip(" ,;:–-")) >= low
        else head
    )


def pad(text: str, low: int, high: int, language: str) -> str:
    """Lengthen to ``low`` characters without passing ``high``."""
    stem = text.rstrip(".!?… ")
    while len(text) < low:
        stem = f"{stem} {words.kinds(language)['padding'][0]}".strip()
        text = clip(stem + ".", low, high)
        if len(text) >= high:
            break
    return text if len(text) >= low else text.ljust(low, ".")


def fit(text: str, low: int, high: int, language: str) -> str:
    """Bring a text between its limits."""
    return pad(clip(text, low, high), low, high, language)


class Writer:
    """Writes for one answer; keeps what was said, so that nothing is said twice in it."""

    def __init__(self, brief: Brief) -> None:
        self.brief = brief
        self.language = brief.language
        self.themes = words.themes(self.language)
        self.kinds = words.kinds(self.language)
        self.said: set[str] = set()
        month = brief.month[1] if brief.month else 1 + int(brief.seed[:4], 16) % 12
        subjects = brief.trade.lists["subject"]
        self.base = Slots(
            language=self.language,
            trade=brief.trade,
            keyword=brief.keyword or brief.topic or subjects[int(brief.seed[4:8], 16) % len(subjects)],
            company=brief.company or "PostHub Sandbox",
            season=season_of(month, self.language),
        )

    def rng(self, *path: object) -> random.Random:
        return rng(self.brief.seed, *path)

    def slots(self, keyword: str = "", female: bool = False) -> Slots:
        return replace(self.base, keyword=keyword or self.base.keyword, female=female)

    def say(self, frames: Sequence[str], slots: Slots, source: random.Random, tries: int = 12) -> str:
        """A sentence from the frames that has not been said in any wording; empty if there is none."""
        for _ in range(tries):
            frame = source.choice(frames)
            if frame in self.said:
                continue
            sentence = fill(frame, slots, source)
            if sentence not in self.said:
                self.said |= {frame, sentence}
                return sentence
        return ""

    def _pick(self, frames: Sequence[str], count: int, source: random.Random) -> list[str]:
        """Some of the frames in their own order: they were written to follow one another."""
        fresh = [frame for frame in frames if frame not in self.said]
        chosen = sorted(source.sample(range(len(fresh)), min(count, len(fresh))))
        return [fresh[index] for index in chosen]

    def _paragraphs(self, theme: Theme, slots: Slots, source: random.Random) -> Iterator[list[str]]:
        """Frames by paragraph, without end: the theme, facts of the trade in between, then remarks, then all anew."""
        facts = list(slots.trade.lists["fact"])
        source.shuffle(facts)
        body = self._pick(theme.body, max(9, int(len(theme.body) * 0.75)), source)
        asides = list(self.kinds["aside"])
        source.shuffle(asides)
        # what introduces and what sums up speaks for itself: the trade's facts belong into the middle
        inner = theme.name not in ("intro", "conclusion")
        yield [source.choice(theme.open), *body[:3]]
        yield [*body[3:6], source.choice(self.kinds["mention"])]
        body = body[6:]
        while True:
            if inner:
                told = self._fresh(facts, 3)
                lead = (
                    source.sample(self.kinds["fact_lead"], 1)
                    if len(told) > 1 and source.random() < 0.6
                    else []
                )
                yield lead + told
            if body:
                yield body[:4] + (self._fresh(asides, 1) if len(body) < 3 else [])
                body = body[4:]
                continue
            rest = self._fresh(asides, 3) + (self._fresh(facts, 1) if inner else [])
            if len(rest) < 2:
                self.said.clear()  # everything has been said: a text of this length repeats itself
                body, facts = list(theme.body), list(slots.trade.lists["fact"])
            yield rest

    def _fresh(self, frames: list[str], count: int) -> list[str]:
        """Take so many frames that have not been used off the list."""
        taken: list[str] = []
        while frames and len(taken) < count:
            frame = frames.pop()
            if frame not in self.said:
                taken.append(frame)
        return taken

    def sentences(self, theme: Theme, slots: Slots, source: random.Random) -> Iterator[tuple[str, bool]]:
        """Endless sentences about a theme; True marks one that opens a paragraph."""
        slots = slots.focus(source)
        for frames in self._paragraphs(theme, slots, source):
            opens = True
            for frame in frames:
                sentence = self.say([frame], slots, source, tries=1)
                if sentence:
                    yield sentence, opens
                    opens = False

    def bullets(self, slots: Slots, source: random.Random, count: int) -> str:
        """A short Markdown list of advice with its lead-in."""
        tips = [
            tip for tip in (self.say(slots.trade.lists["tip"], slots, source) for _ in range(count)) if tip
        ]
        if len(tips) < 2:
            return ""
        lead = source.choice(self.kinds["list_lead"])
        return lead + "\n\n" + "\n".join(f"- {tip}" for tip in tips)

    def prose(
        self,
        low: int,
        high: int,
        target: int,
        theme: Theme,
        slots: Slots,
        source: random.Random,
        rich: bool = True,
    ) -> str:
        """Text of about ``target`` characters, never over ``high`` and not under ``low``; ends with a sentence.

        Long text comes in paragraphs; ``rich`` allows one Markdown list in it.
        """
        paragraphs: list[str] = []
        length = 0
        closing = fill(source.choice(theme.close), slots.focus(source), source)
        closing = "" if closing in self.said else closing
        room = len(closing) + 2
        stream = self.sentences(theme, slots, source)
        listed = not rich or target < 900 or theme.name in ("intro", "conclusion") or source.random() < 0.45
        misses = 0
        while length < target - room or (length < low and misses < 40):
            sentence, opens = next(stream)
            if length + len(sentence) + 2 > high:
                misses += 1
                if misses > 40 or length >= low:
                    break
                continue
            if not paragraphs or (opens and length > 0 and target > 350):
                if not listed and paragraphs and length > target * 0.45:
                    listed = True
                    block = self.bullets(slots, source, source.choice((3, 4)))
                    if block and length + len(block) + len(sentence) + 6 < min(high, target):
                        paragraphs.append(block)
                        length += len(block) + 2
                paragraphs.append(sentence)
            else:
                paragraphs[-1] += " " + sentence
            length = sum(len(part) + 2 for part in paragraphs) - 2
        if closing and paragraphs and length + 1 + len(closing) <= high:
            paragraphs[-1] += " " + closing
            self.said.add(closing)
        return fit("\n\n".join(paragraphs), low, high, self.language)

    def with_terms(self, text: str, terms: Sequence[str], low: int, high: int, source: random.Random) -> str:
        """Make sure that every term stands in the first paragraph word for word, if there is room at all."""
        first = text.split("\n\n", 1)[0]
        missing = [term for term in terms if term not in first]
        if not missing:
            return text
        joined = f" {self.kinds['and'][0]} ".join(missing)
        frames = [frame for frame in self.kinds["must"] if frame not in self.said]
        sentence = fill(source.choice(frames or self.kinds["must"]), self.slots(joined), source)
        head, *rest = _SENTENCE_END.split(text, maxsplit=1)
        if len(head) + len(sentence) + 1 <= high and text[-1:] in ".!?…":
            return self._fit_around(head, sentence, rest[0] if rest else "", (low, high), terms)
        return fit(f"{capitalise(joined)}: {text}", low, high, self.language)

    def _fit_around(
        self, head: str, sentence: str, rest: str, limits: tuple[int, int], terms: Sequence[str]
    ) -> str:
        """Put a sentence behind the first one; what is too much then is taken off the middle, not off the end."""
        low, high = limits
        kept = rest
        while kept and len(head) + len(sentence) + len(kept) + 2 > high:
            shorter = _drop_sentence(kept)
            if shorter == kept:
                break
            kept = shorter
        text = f"{head} {sentence} {kept}".strip()
        if low <= len(text) <= high and all(term in text for term in terms):
            return text
        return fit(text, low, high, self.language)


def _drop_sentence(text: str) -> str:
    """The text without the last but one sentence of its longest paragraph."""
    paragraphs = text.split("\n\n")
    index = max(
        range(len(paragraphs)), key=lambda at: len(paragraphs[at]) if "- " not in paragraphs[at][:2] else 0
    )
    sentences = _SENTENCE_END.split(paragraphs[index])
    if len(sentences) < 2:
        return text
    del sentences[-2]
    paragraphs[index] = " ".join(sentences)
    return "\n\n".join(paragraphs)
