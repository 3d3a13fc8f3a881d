"""The three fictional companies: who they are, and what a web search would find out about them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# What a question asks for -> the facts that answer it and the pages they stand on.
_ASPECTS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("competitors", r"konkuren|soupeř|competit", ("competitors_sentence", "usp"), ("produkty", "o-nas")),
    ("tone", r"tón|styl komunikac|komunikuj|hlas značky|tone", ("tone", "values_sentence"), ("", "blog")),
    (
        "audience",
        r"cílov|zákazník|klientel|komu|audience|target",
        ("audience", "pains_sentence", "desires_sentence"),
        ("", "produkty"),
    ),
    ("usp", r"odliš|unik|jedinečn|výhod|prodejní|usp\b|unique", ("usp", "mission"), ("o-nas", "")),
    (
        "history",
        r"histori|vznik|založ|zajímav|příběh|history",
        ("history", "curiosity", "vision"),
        ("o-nas",),
    ),
    (
        "products",
        r"produkt|služb|obor|zaměř|nabí|čím se|product|service|field",
        ("intro", "products_sentence", "mission", "values_sentence"),
        ("", "produkty"),
    ),
)
_QUESTION = re.compile(r"(?:otázka|question)\s*:\s*(.+)", re.IGNORECASE)
PAGES = {"": "Úvod", "o-nas": "O nás", "produkty": "Produkty a služby", "blog": "Blog", "kontakt": "Kontakt"}


@dataclass(frozen=True)
class Company:
    """A company of the data file; ``data`` holds its texts."""

    data: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.data[name]
        except KeyError:
            raise AttributeError(name) from None

    def path(self, page: str = "") -> str:
        return f"/sites/{self.data['slug']}/{page}"

    @property
    def intro(self) -> str:
        data = self.data
        return f"{data['name']} je {data['business_field']} {data['in_city']}, založená v roce {data['founded']}."

    def facts(self, name: str) -> list[str]:
        value = self.intro if name == "intro" else self.data[name]
        return list(value) if isinstance(value, list) else [str(value)]


@dataclass(frozen=True)
class Finding:
    """Sentences with the page that says so."""

    text: str
    page: str


@cache
def companies() -> tuple[Company, ...]:
    path = Path(__file__).parent / "companies.json"
    return tuple(Company(one) for one in json.loads(path.read_text(encoding="utf-8")))


def named_in(text: str, domains: Sequence[str] = ()) -> Company | None:
    """The company that a text names, by name or by the address of its site."""
    lowered = " ".join([text, *domains]).lower()
    for company in companies():
        if (
            company.name.lower() in lowered
            or company.short.lower() in lowered
            or company.path() in lowered + "/"
        ):
            return company
    return None


def aspects_of(question: str) -> list[str]:
    """What a question is after, what it names most often first; everything if it does not say."""
    asked = _QUESTION.findall(question)
    lowered = (asked[-1] if asked else question).lower()
    counts = {name: len(re.findall(pattern, lowered)) for name, pattern, _, _ in _ASPECTS}
    named = sorted((name for name, count in counts.items() if count), key=lambda name: -counts[name])
    return named or ["products", "history", "usp"]


def findings(company: Company, question: str) -> list[Finding]:
    """The facts that answer a question, each with the page of the company that states it."""
    made: list[Finding] = []
    for aspect in aspects_of(question)[:2]:
        _, _, names, pages = next(one for one in _ASPECTS if one[0] == aspect)
        for index, name in enumerate(names):
            page = pages[index % len(pages)]
            made += [Finding(text, page) for text in company.facts(name)]
    return list({one.text: one for one in made}.values())
