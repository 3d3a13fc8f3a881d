"""Reads a prompt the way the sandbox needs it: language, company, key phrase, trade, season, voice, stated facts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sandbox.prose.words import Lists, expression, rule, table, trade_of, vocabulary

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
    def trade(self) -> str:
        """The line of business: that of the stated field or of the company's name, else of the whole prompt."""
        stated = " ".join([*rule("field").findall(self.prompt)[:4], self.company])
        return trade_of(stated, self.language, 1) or trade_of(self.prompt, self.language, 3) or "general"

    @cached_property
    def words(self) -> Lists:
        return vocabulary(self.language, self.trade)

    @cached_property
    def lowered(self) -> str:
        return self.prompt.lower()

    @cached_property
    def subjects(self) -> list[str]:
        """Key phrases to write about: those of the trade, led by what the prompt itself says of the business."""
        own = _distinct(rule("field").findall(self.prompt)) if self.trade == "general" else []
        return [*(one.lower() for one in own if len(one) <= 40), *self.words["subject"]]

    @cached_property
    def company(self) -> str:
        lines = map(expression, table("reading")["company"])
        found = (one.split(",")[0].strip(" .,*_`") for line in lines for one in re.findall(line, self.prompt))
        return next((one for one in found if 2 <= len(one) <= 80 and not one.startswith("http")), "")

    @cached_property
    def keyword(self) -> str:
        """The one key phrase the prompt names; empty if it names none, or several."""
        return self.labelled("keyword")

    @cached_property
    def topic(self) -> str:
        """The key phrase to write about if the prompt names none: of those of the trade the commonest in it."""
        best = max(self.subjects, key=lambda one: self.lowered.count(one.lower()))
        return best if best.lower() in self.lowered else ""

    def labelled(self, name: str) -> str:
        """What stands behind a label such as the title's; empty if there is none, or several."""
        found = _distinct(rule(name).findall(self.prompt))
        return found[0] if len({value.lower() for value in found}) == 1 else ""

    @cached_property
    def month(self) -> tuple[int, int] | None:
        """Year and month of the first ``YYYY-MM`` in the prompt."""
        match = _MONTH.search(self.prompt)
        return (int(match.group(1)), int(match.group(2))) if match else None

    @cached_property
    def urls(self) -> list[str]:
        found = _distinct(url.rstrip(".,;:") for url in _URL.findall(self.prompt))
        return found or ["https://www.example.com/"]

    def stated(self, kind: str) -> list[str] | None:
        """The sentences that state a fact of a kind, where an instruction would only ask for it.

        None where the kind is none of those that a prompt states of its company.
        """
        cue = table("reading")["fact"].get(kind)
        if cue is None:
            return None
        sentences = (_MARKS.sub("", part).strip() for part in _SENTENCES.split(self.prompt))
        return [
            one
            for one in sentences
            if re.search(cue, one, re.IGNORECASE)
            and one[-1:] == "."
            and one[:1].isupper()
            and not rule("instruction").search(one)
        ]

    def listed(self, kind: str) -> list[str]:
        """The items of the first sentence that lists them: "Mezi hlavní produkty patří a, b a c."."""
        for sentence in self.stated(kind) or ():
            match = rule("lists").search(sentence)
            parts = [part.strip(" .:;") for part in _LIST_PART.split(match.group(1))] if match else []
            parts = [part for part in parts if 3 <= len(part) <= 70]
            if len(parts) >= 2:
                return list(dict.fromkeys(parts))
        return []
