"""Reads a prompt the way the sandbox needs it: language, company, key phrase, trade, season, voice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sandbox.prose.words import Trade, general, trade_of

_CZECH_LETTERS = re.compile(r"[ěščřžýůťďňĚŠČŘŽÝŮŤĎŇ]")
_CZECH_WORDS = re.compile(
    r"\b(?:se|na|je|pro|že|nebo|jak|do|ve|za|od|podle|které|jsou|tak|ale)\b", re.IGNORECASE
)
_ENGLISH_WORDS = re.compile(
    r"\b(?:the|and|of|is|are|with|for|that|this|it|in|from|by|not|or|what)\b", re.IGNORECASE
)
_SAYS_ENGLISH = re.compile(
    r"(?:language|jazyk\w*)\W{0,6}(?:en\b|english|angličtin)|\b(?:write|answer|respond|reply) in english"
    r"|iso 639-1 [„\"]?en\b"
    r"|(?:^|[.!?]\s+)(?:piš|pište|napiš|odpověz|odpovídej)\w*\s+(?:\w+\s+){0,2}(?:anglicky|v angličtině)",
    re.IGNORECASE | re.MULTILINE,
)
_SAYS_CZECH = re.compile(
    r"(?:language|jazyk\w*)\W{0,6}(?:cs\b|cz\b|czech|češtin)|in czech\b|\b(?:v češtině|česky)\b",
    re.IGNORECASE,
)
_VALUE = r"[\"'“”„*]*\s*[:=]\s*[\"'“”„*]*\s*([^\n\"“”„;|{}\[\]<>]{2,90})"
_COMPANY = (
    re.compile(
        r"#+ *(?:the )?(?:firma|společnost|company)\s*\n[\s*-]*(?:název|jméno|name)" + _VALUE, re.IGNORECASE
    ),
    re.compile(r"\"company\"\s*:\s*\{[^{}]*?\"name\"\s*:\s*\"([^\"]{2,90})\""),
    re.compile(
        r"^[\s*\"#-]*(?:název firmy|název společnosti|jméno firmy|company[ _]?name|společnost|firma|značka|klient"
        r"|company|brand)" + _VALUE,
        re.IGNORECASE | re.MULTILINE,
    ),
    re.compile(
        r"(?:[Ss]polečnost|[Ff]irm|[Pp]ražírn|[Kk]ancelář|[Zz]načk)\w*\s+[„\"]?"
        r"((?:[A-ZÁ-Ž][\wÁ-ž.&-]*)(?:\s+(?:[A-ZÁ-Ž&][\wÁ-ž.&-]*|a|v|s\.r\.o\.))*)"
    ),
    re.compile(r"\b(?:company|brand)\s+[\"“]?((?:[A-Z][\w.&-]*)(?:\s+[A-Z][\w.&-]*)*)"),
)
_KEYWORD = re.compile(
    r"(?:focus[ _]?keyword|main[ _]?keyword|hlavní klíčov\w+ \w+|klíčov(?:é|á) (?:slovo|fráze|spojení))"
    + _VALUE,
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"(?:pracovní název|název (?:článku|tématu|příspěvku)|working title|téma|topic|title|titulek)" + _VALUE,
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"(?:signature[ _]?ending|podpisov\w+ závěr\w*|závěrečn\w+ (?:věta|formule)|podpis(?: na konci(?: \w+)?)?)"
    r"[\"'“”„*]*\s*[:=]\s*[\"'“”„*]*\s*([^\n\"“”„{}\[\]]{4,140})",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(?:obor(?: \w+){0,2}|business[ _]?field|field of business|industry|odvětví|product[ _]?type"
    r"|(?:druh|typ) produktu(?: \w+){0,2})" + _VALUE,
    re.IGNORECASE,
)
_MONTH = re.compile(r"\b(20\d\d)-(0[1-9]|1[0-2])\b")
_URL = re.compile(r"https?://[^\s<>\"'“”„)\]}]+")
_QUOTED = re.compile(r"„([^“”\n]{2,80})[“”]|“([^”\n]{2,80})”|\"([^\"\n]{2,80})\"")


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value.strip(" .,*_`") for value in values if value.strip(" .,*_`")))


def _first(patterns: Iterable[re.Pattern[str]], text: str) -> str:
    for pattern in patterns:
        for found in pattern.findall(text):
            value = str(found).split(",")[0].strip(" .,*_`")
            if 2 <= len(value) <= 80 and not value.startswith("http"):
                return value
    return ""


def quoted_terms(text: str) -> list[str]:
    """Everything in quotation marks, in order, each once."""
    return _distinct("".join(match) for match in _QUOTED.findall(text))


def language_of(text: str) -> str:
    """``cs`` or ``en``. What the text says outright counts more than the words it is written with."""
    english, czech = _SAYS_ENGLISH.search(text), _SAYS_CZECH.search(text)
    if english and not czech:
        return "en"
    if czech and not english:
        return "cs"
    words = len(_CZECH_WORDS.findall(text)), len(_ENGLISH_WORDS.findall(text))
    if words[0] == words[1]:
        return "cs" if _CZECH_LETTERS.search(text) else "en"
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
        stated = " ".join([*_FIELD.findall(self.prompt)[:4], self.company])
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
        own = _distinct(_FIELD.findall(self.prompt)) if self.trade.key.endswith("_general") else []
        return [*(one.lower() for one in own if len(one) <= 40), *self.trade.lists["subject"]]

    @cached_property
    def company(self) -> str:
        return _first(_COMPANY, self.prompt)

    @cached_property
    def keyword(self) -> str:
        """The one key phrase the prompt names; empty if it names none, or several."""
        found = _distinct(_KEYWORD.findall(self.prompt))
        return found[0] if len({value.lower() for value in found}) == 1 else ""

    @cached_property
    def title(self) -> str:
        found = _distinct(_TITLE.findall(self.prompt))
        return found[0] if len(found) == 1 else ""

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
        found = _distinct(_SIGNATURE.findall(self.prompt))
        text = found[0] if len(found) == 1 else ""
        return text if not text or text[-1] in ".!?…" else text + "."

    @cached_property
    def month(self) -> tuple[int, int] | None:
        """Year and month of the first ``YYYY-MM`` in the prompt."""
        match = _MONTH.search(self.prompt)
        return (int(match.group(1)), int(match.group(2))) if match else None

    @cached_property
    def urls(self) -> list[str]:
        return _distinct(url.rstrip(".,;:") for url in _URL.findall(self.prompt))
