"""Opens the use cases around prompts: templates, their versions and labels, experiments."""

from __future__ import annotations

import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.prompts.changes import PromptChanges
from app.prompts.experiments import Experiments
from app.prompts.library import Library
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.registry import Prompts
from runtime.database import open_database
from runtime.settings import Settings
from store.content.items import Items
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.database import ping


@dataclass(frozen=True)
class PromptUseCases:
    """What a person can do with the prompt templates."""

    library: Library

    @property
    def changes(self) -> PromptChanges:
        return PromptChanges(self.library)

    @property
    def experiments(self) -> Experiments:
        return Experiments(self.library)


@asynccontextmanager
async def open_prompts(settings: Settings, person: str) -> AsyncIterator[PromptUseCases]:
    """Open the templates for a person; those that come with the product are brought in before.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    async with open_database(settings) as database:
        prompts = Prompts(database, world=settings.world)
        await prompts.sync_shipped()
        actor = Actor(
            settings.author or person, settings.role, f"posthub on {platform.node() or 'localhost'}"
        )
        editor = Editor(database, settings.organization, actor, world=settings.world)
        yield PromptUseCases(Library(editor, prompts, Tenants(database), Runs(database), Items(database)))


async def upgrade(settings: Settings) -> tuple[str, int]:
    """Bring the schema and the shipped prompts to this release.

    Returns:
        The version of PostgreSQL, and how many prompt versions are new.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    async with open_database(settings) as database:
        added = await Prompts(database).sync_shipped()
        return await ping(database.uri), added
