"""A web search without a web: finds the fictional companies' own pages and pages of fictional media."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.prose.brief import Brief
from sandbox.prose.fields import slugify
from sandbox.prose.frames import fill
from sandbox.prose.writer import Writer
from sandbox.sites.companies import PAGES, Company, findings, named_in


@dataclass(frozen=True)
class Result:
    """One search result."""

    url: str
    title: str
    snippet: str
    date: str

    def as_dict(self, number: int) -> dict[str, object]:
        return {
            "id": number,
            "url": self.url,
            "title": self.title,
            "snippet": self.snippet,
            "date": self.date,
            "last_updated": self.date,
            "source": "web",
        }


@dataclass(frozen=True)
class Found:
    """The written answer with marks such as [1], and the results the marks point at."""

    text: str
    results: tuple[Result, ...]
    queries: tuple[str, ...]


def answer(brief: Brief, domains: tuple[str, ...], host: str, searches: bool) -> Found:
    """Answer a question. ``host`` is where this sandbox is reached; without a search there are no results."""
    company = named_in(brief.prompt, domains)
    found = _about_company(company, brief, host) if company else _about_unknown(brief, host)
    return found if searches else Found(found.text, (), ())


def _media(name: str, brief: Brief, host: str, count: int) -> list[Result]:
    source = brief.seed
    made = []
    writer = Writer(brief)
    about = replace(writer.base, company=name)
    for number, line in enumerate(writer.words["media"][:count]):
        slug, title = fill(line, about, writer.rng("media")).split(" ", 1)
        url = f"{host}/sites/media/{slug}/{slugify(name)}"
        date = f"2026-{1 + int(source[number], 16) % 10:02d}-{1 + int(source[number + 4 : number + 6], 16) % 28:02d}"
        made.append(Result(url, title, title, date))
    return made


def _about_company(company: Company, brief: Brief, host: str) -> Found:
    facts = findings(company, brief.prompt)
    pages = list(dict.fromkeys(fact.page for fact in facts))
    results = [
        Result(
            host + company.path(page),
            f"{PAGES[page]} – {company.name}",
            next(fact.text for fact in facts if fact.page == page)[:240],
            f"2026-0{1 + number}-15",
        )
        for number, page in enumerate(pages)
    ]
    results += _media(company.name, brief, host, 2)
    lines = [f"{fact.text} [{pages.index(fact.page) + 1}]" for fact in facts]
    return Found(
        "\n\n".join(_paragraphs(lines)), tuple(results), (company.name, f"{company.name} {company.city}")
    )


def _paragraphs(lines: list[str]) -> list[str]:
    return [" ".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]


def _about_unknown(brief: Brief, host: str) -> Found:
    writer = Writer(brief)
    name = brief.company or ("dotazovaná firma" if brief.language == "cs" else "the company in question")
    results = _media(name, brief, host, 3)
    source = writer.rng("search")
    told = enumerate(writer.words["unknown"], 1)
    about = replace(writer.base, company=name)
    head = [f"{fill(line, about, source)} [{number}]" for number, line in told]
    slots = writer.slots().focus(source)
    facts = [fill(fact, slots, source) for fact in writer.fresh(writer.words["fact"], 4, source)]
    body = [f"{fact} [{1 + number % len(results)}]" for number, fact in enumerate(facts)]
    tail = fill(source.choice(writer.themes["choice"]["body"]), slots, source)
    return Found(
        "\n\n".join(_paragraphs([*head, *body, tail])), tuple(results), (name, brief.prompt[:60].strip())
    )
