"""Research: the company's own pages and a web search become its DNA, each fact with its source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.calls import SearchResult
from domain.content.dna import CompanyDNA, dna_findings, dna_schema
from domain.errors import BadOutput, ContentBlocked, InvalidInput, OutputTruncated, ProviderError
from domain.month import Again, Month, Rework, Update, new_card
from domain.stages import RESEARCH, Kind
from fetching.links import Page
from fetching.pages import least_readable_chars, readable_chars
from nodes.work import (
    Ports,
    Task,
    ask,
    company_without_dna,
    owner,
    progress,
    record_done,
    render,
    template_ref,
)
from store.content.items import ItemStatus, Owner
from store.content.reviews import OutcomeStatus
from tools.calling import use
from tools.page import read_site_tool
from tools.search import web_search_tool

QUESTIONS = ("products", "audience", "competitors", "tone", "usp", "history")
"""The six questions; their words are in the template RESEARCH_V1."""

_MAX_PAGES = 6
_FROM_SEARCH_ALONE = (
    "The website {website} says next to nothing ({chars} letters): the facts come from a search alone."
)
_NO_SEARCH = "Web search was not available (no provider has a key): these facts come from the company's own pages only."


@dataclass(frozen=True)
class Research:
    ports: Ports

    async def __call__(self, state: Again) -> Update:
        rework: Rework = (state.get("rework") or [{"item": "dna", "revision": 0, "reason": ""}])[0]
        task = Task(RESEARCH, "dna", rework["revision"])
        pages, notes = await self._pages(state)
        findings, warnings = await self._search(state)
        _check_sources(state, pages, findings, notes)
        known = _known_urls(pages, findings)
        content, problems, model = await self._synthesise(
            state, task, pages, findings, known, rework["reason"]
        )
        mine = owner(state)
        saved = await self.ports.items.save(
            mine,
            Kind.DNA,
            "dna",
            task.revision,
            content,
            findings=(*notes, *warnings, *problems),
            template=await template_ref(self.ports, state, "DNA_V1"),
            model=model,
        )
        await self._keep_sources(mine, content)
        await record_done(self.ports, state, task)
        progress(RESEARCH, "dna", OutcomeStatus.DONE, f"{len(known)} sources")
        return {RESEARCH.key: {"dna": new_card(state["company"], saved.revision, version=saved.version)}}

    async def _pages(self, state: Month) -> tuple[list[dict[str, str]], list[str]]:
        """Read the site once: a resumed run must see what the first one saw, or its questions would differ.

        Returns:
            The pages, and what the editor should know of them.

        Raises:
            InvalidInput: They say nothing, and there is no search that could.
        """
        mine, website = owner(state), state["website"]
        for record in await self.ports.items.history(mine, Kind.DNA, "site"):
            if record.content["website"] == website:
                return list(record.content["pages"]), list(record.content.get("notes", ()))
        notes: list[str] = []
        site = read_site_tool(self.ports.pages, notes.append)
        pages: list[Page] = await use(site, url=website, max_pages=_MAX_PAGES)
        if (chars := readable_chars(page.text for page in pages)) < least_readable_chars():
            if not self.ports.gateway.has_search:
                raise _says_nothing(website, chars, notes)
            notes.insert(0, _FROM_SEARCH_ALONE.format(website=website, chars=chars))
        read = [{"url": p.url, "title": p.title, "text": p.text} for p in pages]
        content = {"website": website, "pages": read, "notes": notes}
        record = await self.ports.items.save(mine, Kind.DNA, "site", 0, content, status=ItemStatus.MATERIAL)
        return list(record.content["pages"]), list(record.content["notes"])

    async def _search(self, state: Month) -> tuple[list[dict[str, Any]], list[str]]:
        if not self.ports.gateway.has_search:
            return [], [_NO_SEARCH]
        answers = await asyncio.gather(*(self._question(state, question) for question in QUESTIONS))
        findings = [finding for finding, _ in answers if finding]
        return findings, [warning for _, warnings in answers for warning in warnings]

    async def _question(self, state: Month, question: str) -> tuple[dict[str, Any] | None, Sequence[str]]:
        """Search for one question; returns what was found, and what the editor should know of it."""
        variables = {"company": company_without_dna(state), "question": question}
        rendered = await render(self.ports, state, "RESEARCH_V1", variables)
        task = Task(RESEARCH, f"search.{question}")
        search = web_search_tool(
            self.ports.gateway,
            task.call(state, "search", rendered.ref),
            language=state["language"],
            system=rendered.system,
            max_tokens=rendered.max_tokens,
            once=True,
        )
        try:
            found: SearchResult = await use(search, question=rendered.user)
        except ProviderError as error:
            return None, (f"The search for {question} brought nothing: {error.message}",)
        sources = [{"url": source.url, "title": source.title} for source in found.sources]
        warnings = [f"The search for {question}: {warning}" for warning in found.warnings]
        return {"question": question, "answer": found.text, "sources": sources}, warnings

    async def _synthesise(
        self,
        state: Month,
        task: Task,
        pages: Sequence[dict[str, str]],
        findings: Sequence[dict[str, Any]],
        known: Sequence[str],
        reason: str,
    ) -> tuple[dict[str, Any], Sequence[str], str | None]:
        variables = {
            "company": company_without_dna(state),
            "findings": list(findings),
            "pages": list(pages),
            "reason": reason,
        }
        try:
            answer, _ = await ask(
                self.ports,
                state,
                task,
                "DNA_V1",
                variables,
                dna_schema(known),
                CompanyDNA.model_validate,
                resumable=(ContentBlocked, OutputTruncated),
            )
        except BadOutput as error:
            raw = str(error.details.get("raw", ""))
            return (
                {"raw": raw},
                ["The answer was no valid JSON; it is kept as text. Edit it or reject it."],
                None,
            )
        dna, problems = dna_findings(answer.value, known)
        content = dna.model_dump(mode="json", by_alias=True)
        return content, (*answer.warnings, *problems), answer.served.model

    async def _keep_sources(self, mine: Owner, content: dict[str, Any]) -> None:
        rows = []
        for source in content.get("sources", []):
            value = content.get(source["field"])
            rows.append((source["field"], value if isinstance(value, str) else str(value), source["url"]))
        await self.ports.tenants.save_fact_sources(mine, rows)


def _says_nothing(website: str, chars: int, notes: Sequence[str]) -> InvalidInput:
    return InvalidInput(
        f"The website {website} says nothing that can be read: {chars} letters in all of its pages. "
        f"{' '.join(notes)}".rstrip(),
        next_step="Give the address of a page with text, such as its “about us”; or set the key of a search provider, "
        "so that the facts can come from a search.",
    )


def _check_sources(
    state: Month,
    pages: Sequence[Mapping[str, str]],
    findings: Sequence[dict[str, Any]],
    notes: Sequence[str],
) -> None:
    """Stop where neither pages nor search said anything: all that follows would be about nothing."""
    chars = readable_chars(page["text"] for page in pages)
    if not findings and chars < least_readable_chars():
        raise _says_nothing(state["website"], chars, notes)


def _known_urls(pages: Sequence[dict[str, str]], findings: Sequence[dict[str, Any]]) -> list[str]:
    own = [page["url"] for page in pages]
    found = [source["url"] for finding in findings for source in finding["sources"]]
    return list(dict.fromkeys([*own, *found]))
