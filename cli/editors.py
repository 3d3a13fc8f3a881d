"""What the commands for prompts share: the person, the open templates, and how they are shown."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from prompts.actor import Actor
    from prompts.editing import Editor
    from prompts.registry import Prompts
    from prompts.versions import Version
    from runtime.settings import Settings
    from store.content.tenants import CompanyRecord
    from store.database import Database
    from store.prompts.templates import TemplateKey

Code = Annotated[str, typer.Argument(metavar="CODE", help="The template; see `posthub prompts list`.")]
Language = Annotated[str, typer.Option(help="Language of the template, ISO 639-1.")]
Company = Annotated[
    str | None, typer.Option(metavar="NAME", help="For this company alone, by its name or id.")
]
Reason = Annotated[str, typer.Option(help="Why; stands in the history.")]


@dataclass(frozen=True)
class Desk:
    """What an editor has in front of them."""

    settings: Settings
    database: Database
    editor: Editor
    prompts: Prompts

    async def place(self, code: str, language: str) -> TemplateKey:
        return await self.editor.key(code, language)

    async def version(self, code: str, language: str, wanted: str | None) -> Version:
        """Return the version of a number or a label; the one in use where none is given.

        Raises:
            NotFound: There is none.
        """
        place = await self.place(code, language)
        asked = {place[0]: wanted or "production"}
        found = await self.prompts.resolve(
            place[1], organization=self.settings.organization, wanted=asked, record=False
        )
        return found[place[0]].version

    async def company(self, name: str) -> CompanyRecord:
        from store.content.tenants import Tenants

        return await Tenants(self.database).find(self.settings.organization, name)

    async def company_id(self, name: str | None) -> str:
        """The id of a company, or what stands for every company."""
        return (await self.company(name)).id if name else ""


@asynccontextmanager
async def opened_desk(settings: Settings) -> AsyncIterator[Desk]:
    """Open the templates; those that come with the product are brought in before.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    from cli.session import opened_database
    from prompts.editing import Editor
    from prompts.registry import Prompts

    async with opened_database(settings) as database:
        prompts = Prompts(database)
        await prompts.sync_shipped()
        yield Desk(settings, database, Editor(database, settings.organization, actor(settings)), prompts)


def actor(settings: Settings) -> Actor:
    """The person at this terminal, as the audit trail knows them."""
    from cli.session import person
    from prompts.actor import Actor

    return Actor(settings.author or person(), settings.role, f"posthub on {platform.node() or 'localhost'}")
