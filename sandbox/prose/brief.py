"""Reads a prompt the way the sandbox needs it: language, company, key phrase, trade, season, voice, stated facts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sandbox.prose.words import Trade, general, pairs, rule, rules, trade_of

_MONTH = re.compile(r"\b(20\d\d)-(0[1-9]|1[0-2])\b")
_URL = re.compile(r"https?://[^\s<>\"'“”„)\]}]+")
_QUOTED = re.compile(r"„([^“”\n]{2,80})[“”]|“([^”\n]{2,80})”|\"([^\"\n]{2,80})\"")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
_MARKS = re.compile(r"\s*\[\d+\]|[*_`#>|]+|^\s*[-–]\s*")
_LIST_PART = re.compile(r",\s*|\s+a\s+(?:také\s+)?|\s+and\s+")


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value.strip(" .,*_`") for value in values if value.strip(" .,*_`")))


def quoted_terms(text: str) -> list[str]:
    """Everything in quotation marks, in order, each once."""
    return _distinct("".join(match) for match in _QUOTED.findall(text))


def language_of(text: str) -> str:
    """``cs`` or ``en``. What the text says outright counts more than the words it is written with."""
    english, czech = rule("says_en").search(text), rule("says_cs").search(text)
    if bool(english) != bool(czech):
        return "en" if english else "cs"
    words = len(rule("words_cs").findall(text)), len(rule("words_en").findall(text))
    if words[0] == words[1]:
        return "cs" if rule("letters_cs").search(text) else "en"
    return "cs" if words[0] > words[1] else "en"


@dataclass(frozen=True)
class Brief:
    """A prompt and what was found in it. ``seed`` is the root of every choice made for it."""

    seed: str
    prompt: str
    forced_language: str = ""

    @cached_property
    def language(self) -> str:
        return self.forced_language or language_of(self.prompt)

    @cached_property
    def trade(self) -> Trade:
        """The line of business: that of the stated field or of the company's name, else of the whole prompt."""
        stated = " ".join([*rule("field").findall(self.prompt)[:4], self.company])
        return (
            trade_of(stated, self.language, 1)
            or trade_of(self.prompt, self.language, 3)
            or general(self.language)
        )

    @cached_property
    def lowered(self) -> str:
        return self.prompt.lower()

    @cached_property
    def subjects(self) -> list[str]:
        """Key phrases to write about: those of the trade, led by what the prompt itself says of the business."""
        own = self._labelled("field") if self.trade.key.endswith("_general") else []
        return [*(one.lower() for one in own if len(one) <= 40), *self.trade.lists["subject"]]

    @cached_property
    def company(self) -> str:
        for found in (found for one in rules("reading", "company") for found in one.findall(self.prompt)):
            value = str(found).split(",")[0].strip(" .,*_`")
            if 2 <= len(value) <= 80 and not value.startswith("http"):
                return value
        return ""

    @cached_property
    def keyword(self) -> str:
        """The one key phrase the prompt names; empty if it names none, or several."""
        found = self._labelled("keyword")
        return found[0] if len({value.lower() for value in found}) == 1 else ""

    @cached_property
    def title(self) -> str:
        return self._only("title")

    @cached_property
    def topic(self) -> str:
        """The key phrase to write about if the prompt names none: the subject of its title, else the commonest."""
        head = self.title.lower()
        named = [one for one in self.subjects if one.lower() in head]
        if named:
            return max(named, key=len)
        counts = {one: self.lowered.count(one.lower()) for one in self.subjects}
        best = max(counts, key=lambda one: counts[one])
        return best if counts[best] else ""

    @cached_property
    def signature(self) -> str:
        text = self._only("signature")
        return text if not text or text[-1] in ".!?…" else text + "."

    @cached_property
    def month(self) -> tuple[int, int] | None:
        """Year and month of the first ``YYYY-MM`` in the prompt."""
        match = _MONTH.search(self.prompt)
        return (int(match.group(1)), int(match.group(2))) if match else None

    @cached_property
    def urls(self) -> list[str]:
        return _distinct(url.rstrip(".,;:") for url in _URL.findall(self.prompt))

    def fact(self, kind: str, low: int, high: int) -> str:
        """The first whole sentence of the prompt on ``kind`` that keeps the limits; empty if there is none."""
        return next((one for one in self._about(kind) if max(low, 30) <= len(one) <= high), "")

    def listed(self, kind: str) -> list[str]:
        """The items of the first sentence that lists them: "Mezi hlavní produkty patří a, b a c."."""
        for sentence in self._about(kind):
            match = rule("lists").search(sentence)
            parts = [part.strip(" .:;") for part in _LIST_PART.split(match.group(1))] if match else []
            parts = [part for part in parts if 3 <= len(part) <= 70]
            if len(parts) >= 2:
                return list(dict.fromkeys(parts))
        return []

    def _labelled(self, name: str) -> list[str]:
        return _distinct(rule(name).findall(self.prompt))

    def _only(self, name: str) -> str:
        found = self._labelled(name)
        return found[0] if len(found) == 1 else ""

    def _about(self, kind: str) -> list[str]:
        """The sentences that state something, where an instruction would only ask for it."""
        cue = re.compile(dict(pairs("reading", "fact"))[kind], re.IGNORECASE)
        sentences = (_MARKS.sub("", part).strip() for part in _SENTENCES.split(self.prompt))
        return [
            one
            for one in sentences
            if cue.search(one)
            and one[-1:] == "."
            and one[:1].isupper()
            and not rule("instruction").search(one)
        ]
