"""The prompt templates of an organization: which version is in use and why, their history, what they asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.prompts.traces import company_variables, traced
from domain.errors import InvalidInput
from prompts.editing import Editor
from prompts.exchange import diff
from prompts.files import TemplateFile, dump, read
from prompts.registry import Choice, Prompts
from prompts.versions import Version
from store.content.items import Items
from store.content.runs import Runs
from store.content.tenants import CompanyRecord, Tenants
from store.prompts import templates
from store.prompts.events import Event
from store.prompts.labels import Label
from store.prompts.templates import TemplateKey
from store.schema.prompts import EVERY_COMPANY, SHARED

BECAUSE = {
    "asked": "asked for",
    "company": "this company's own",
    "experiment": "an experiment runs",
    "organization": "the organization's own",
    "shipped": "as shipped",
}
"""Why a version is in use, in words."""


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A template, the version in use and why, and its labels by name."""

    code: str
    language: str
    name: str
    version: int
    because: str
    versions: int
    labels: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def why(self) -> str:
        """Why this version is in use, in words."""
        return BECAUSE[self.because]


@dataclass(frozen=True, slots=True)
class TemplateList:
    """Every template that the organization sees."""

    templates: tuple[TemplateRow, ...]

    def as_json(self) -> dict[str, Any]:
        return {"templates": [row.as_json() for row in self.templates]}


@dataclass(frozen=True, slots=True)
class ShownTemplate:
    """A version, and where it was looked for: (place, what it says), where that was asked."""

    version: Version
    chain: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The file that an editor edits."""
        return dump(self.version.template)

    def changed(self, after: TemplateFile) -> str:
        """Return what an edit changed in the version, as a unified diff."""
        return diff(self.text, dump(after), (f"version {self.version.number}", "yours"))

    def as_json(self) -> dict[str, Any]:
        return {**version_as_json(self.version), "chain": dict(self.chain), "text": self.text}


@dataclass(frozen=True, slots=True)
class TemplateHistory:
    """Every version of a template, its labels, and who did what with it; the oldest first."""

    versions: tuple[Version, ...]
    labels: tuple[Label, ...]
    events: tuple[Event, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "versions": [version_as_json(one) for one in self.versions],
            "events": [_event(one) for one in self.events],
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """Which prompt version asked for what a run made; rows as `app.prompts.traces.traced` returns them."""

    thread_id: str
    items: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        return {"thread_id": self.thread_id, "items": list(self.items)}


@dataclass(frozen=True, slots=True)
class FilledTemplate:
    """A template as a model would get it. ``from_examples``: variables that the template's examples had to fill."""

    code: str
    language: str
    version: int
    from_examples: tuple[str, ...]
    system: str
    user: str

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"from_examples": list(self.from_examples)}


@dataclass(frozen=True)
class Library:
    """The templates as one person of one organization sees them."""

    editor: Editor
    prompts: Prompts
    tenants: Tenants
    runs: Runs
    items: Items

    @property
    def organization(self) -> str:
        return self.editor.organization

    async def listed(self) -> TemplateList:
        """List the templates with the version that is in use."""
        async with self.editor.database.transaction(self.organization) as connection:
            keys = await templates.keys(connection, self.organization)
        chosen = {
            language: await self.prompts.resolve(language, organization=self.organization, record=False)
            for language in {language for _, language in keys}
        }
        found = [(key, chosen[key[1]].get(key[0])) for key in keys]
        return TemplateList(
            tuple([await self._row(c) for key, c in found if c is not None and c.version.key == key])
        )

    async def _row(self, choice: Choice) -> TemplateRow:
        key = choice.version.key
        labels = await self.editor.labels(key)
        return TemplateRow(
            *key,
            name=choice.version.template.front_matter["name"],
            version=choice.version.number,
            because=choice.because,
            versions=len(await self.editor.versions(key)),
            labels={one.name: one.version for one in labels if not one.company_id},
        )

    async def key(self, code: str, language: str) -> TemplateKey:
        """Return a template's key.

        Raises:
            NotFound: There is none; names the nearest.
        """
        return await self.editor.key(code, language)

    async def version(self, code: str, language: str, wanted: str | None = None) -> Version:
        """Return the version of a number or a label; the one in use where none is given.

        Raises:
            NotFound: There is none.
        """
        key = await self.key(code, language)
        asked: dict[str, int | str] = {key[0]: wanted or "production"}
        found = await self.prompts.resolve(key[1], organization=self.organization, wanted=asked, record=False)
        return found[key[0]].version

    async def company(self, name: str) -> CompanyRecord:
        """Return a company by its name or id; NotFound if there is none."""
        return await self.tenants.find(self.organization, name)

    async def company_id(self, name: str | None) -> str:
        """The id of a company, or what stands for every company."""
        return (await self.company(name)).id if name else EVERY_COMPANY

    async def shown(
        self, code: str, language: str, *, version: str | None = None, company: str | None = None
    ) -> ShownTemplate:
        """Return a version; with a company the one that it gets, and why. Raises as `version`."""
        if company is None:
            return ShownTemplate(await self.version(code, language, version))
        return await self._explained(code, language, company)

    async def _explained(self, code: str, language: str, company: str) -> ShownTemplate:
        """The order in which a company's version is looked for, what each place says, and what comes out."""
        key, whose = await self.key(code, language), self.organization
        mine = (await self.company(company)).id
        choice = (await self.prompts.resolve(language, organization=whose, company=mine, record=False))[code]
        labels = {
            (one.organization_id, one.company_id): one.version
            for one in await self.editor.labels(key)
            if one.name == "production"
        }
        chain = [
            ("company", _said(labels.get((whose, mine)))),
            ("experiment", _experiment_said(choice)),
            ("organization", _said(labels.get((whose, EVERY_COMPANY)))),
            ("shipped", _said(labels.get((SHARED, EVERY_COMPANY)))),
        ]
        if choice.paused:
            paused = ", ".join(map(str, choice.paused))
            chain.append(("paused", f"version {paused}; its parent stands in"))
        chain.append(("gets", f"version {choice.version.number}: {BECAUSE[choice.because]}"))
        return ShownTemplate(choice.version, tuple(chain))

    async def difference(self, code: str, language: str, before: str, after: str) -> str:
        """Return what changed between two versions as a unified diff. Raises as `version`."""
        old = await self.version(code, language, before)
        new = await self.version(code, language, after)
        names = (f"{code} ({language}) version {old.number}", f"{code} ({language}) version {new.number}")
        return diff(dump(old.template), dump(new.template), names)

    async def history(self, code: str, language: str) -> TemplateHistory:
        """Return all versions of a template and who did what with it. Raises as `key`."""
        key = await self.key(code, language)
        return TemplateHistory(
            tuple(await self.editor.versions(key)),
            tuple(await self.editor.labels(key)),
            tuple(await self.editor.trail(*key)),
        )

    async def trace(self, thread: str, item: str = "") -> Trace:
        """Return which prompt version asked for everything that a run made. Raises as `app.prompts.traces.traced`."""
        rows = await traced(self.runs, self.items, self.organization, thread, item)
        return Trace(thread, tuple(rows))

    async def filled(
        self, code: str, language: str, *, version: str | None = None, company: str | None = None
    ) -> FilledTemplate:
        """Fill a template in with its own examples, or with what is known of a company; nothing is spent.

        Raises:
            NotFound: There is no such template, version or company.
        """
        found = await self.version(code, language, version)
        variables, examples = await self._variables(found.template, company)
        system, user = await self.prompts.try_out(found, variables, organization=self.organization)
        return FilledTemplate(code, language, found.number, tuple(examples), system, user)

    async def _variables(
        self, template: TemplateFile, company: str | None
    ) -> tuple[dict[str, Any], Sequence[str]]:
        if company is None:
            return template.examples, sorted(template.variables)
        return await company_variables(self.runs, self.items, await self.company(company), template)

    async def checked(self, before: Version, text: str) -> TemplateFile:
        """Check an edited file of a template.

        Raises:
            InvalidInput: It cannot be used, or is another template now.
        """
        template = read(text)
        if (template.code, template.language) != before.key:
            raise InvalidInput(
                f"It is now the template {template.code} ({template.language}).",
                next_step=f"Leave code and language as they are: {before.key[0]} and {before.key[1]}.",
            )
        return await self.editor.checked(template)


def version_as_json(version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "code": version.template.code,
        "language": version.template.language,
        "version": version.number,
        "parent": version.parent,
        "author": version.author,
        "reason": version.reason,
        "created_at": version.created_at.isoformat(),
        "content_hash": version.template.content_hash,
        "shipped": version.shipped,
    }


def _event(event: Event) -> dict[str, Any]:
    names = ("event", "version", "label", "author", "role", "origin", "reason")
    return {
        **{name: getattr(event, name) for name in names},
        "company": event.scope.company_id,
        "created_at": event.created_at.isoformat(),
        "organization": event.scope.organization_id,
        "details": dict(event.details),
    }


def _said(number: int | None) -> str:
    return "–" if number is None else f"version {number}"


def _experiment_said(choice: Choice) -> str:
    if choice.because != "experiment":
        return "–"
    return f"arm {choice.arm}, version {choice.version.number}" if choice.arm else "its version is paused"
