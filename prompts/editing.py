"""What an editor does with templates: save a version, move a label, go back, look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from domain.errors import InvalidInput
from domain.text import nearest
from domain.worlds import World
from prompts import versions
from prompts.active import PRODUCTION
from prompts.actor import Actor, may_release, reason_given
from prompts.files import TemplateFile, cannot_be_used
from prompts.rendering.renderer import Renderer, shared_renderer
from prompts.versions import Version
from store.database import Connection, Database
from store.prompts import events, labels, pauses, templates
from store.prompts.events import Event, Scope, record
from store.prompts.labels import Label
from store.prompts.templates import TemplateKey
from store.schema.prompts import EVERY_COMPANY

_LABEL = re.compile(r"[a-z][a-z0-9._-]{0,39}")

_MOVES = ("labelled", "rolled back", "promoted", "unlabelled")
"""Events that move a label."""


@dataclass(frozen=True)
class Editor:
    """One person's hands on the templates of one organization. Everything they do is in the audit trail."""

    database: Database
    organization: str
    actor: Actor
    renderer: Renderer = field(default_factory=shared_renderer)
    world: World = World.REAL
    """What an experiment has shown there is looked at."""

    async def key(self, code: str, language: str) -> TemplateKey:
        """Return a template's key; NotFound names the nearest template or the languages that there are."""
        async with self.database.transaction(self.organization) as connection:
            return await versions.known_key(connection, self.organization, code, language)

    async def version(self, key: TemplateKey, number: int) -> Version:
        """Return a version; NotFound if the organization sees none of this number."""
        async with self.database.transaction(self.organization) as connection:
            return await versions.by_number(connection, self.organization, key, number)

    async def versions(self, key: TemplateKey) -> list[Version]:
        """Return all versions, the oldest first."""
        async with self.database.transaction(self.organization) as connection:
            return await versions.all_of(connection, self.organization, key)

    async def labels(self, key: TemplateKey) -> list[Label]:
        """Return every label that counts for the organization and its companies."""
        async with self.database.transaction(self.organization) as connection:
            return await labels.all_of(connection, self.organization, key)

    async def trail(self, code: str, language: str | None = None) -> list[Event]:
        """Return what happened to a template, the oldest first."""
        async with self.database.transaction(self.organization) as connection:
            return await events.events(connection, self.organization, code, language)

    async def checked(self, template: TemplateFile) -> TemplateFile:
        """Render a template once with its own examples, within limits.

        Raises:
            InvalidInput: It cannot be rendered, or uses a variable that its step does not give.
        """
        async with self.database.transaction(self.organization) as connection:
            known = await versions.all_of(connection, self.organization, (template.code, template.language))
        given = [one for one in known if one.shipped] or known
        if given:
            _refuse_unknown_variables(template, given[-1].template)
        try:
            await self.renderer.render(
                template.parts, sorted(template.variables), template.examples, owner=self.organization
            )
        except InvalidInput as error:
            raise cannot_be_used(template, error) from error
        return template

    async def save(self, template: TemplateFile, *, parent: int | None, reason: str) -> Version:
        """Keep a template as the organization's next version. No label moves.

        Raises:
            InvalidInput: It cannot be used, nothing was changed, or there is no reason.
        """
        said = reason_given(reason)
        await self.checked(template)
        async with self.database.transaction(self.organization) as connection:
            return (await self.save_all(connection, [(template, parent, said)]))[0]

    async def save_all(
        self, connection: Connection, drafts: Sequence[tuple[TemplateFile, int | None, str]]
    ) -> list[Version]:
        """Keep several checked templates, all of them or none: the transaction is the caller's."""
        made = []
        for template, parent, reason in drafts:
            key = (template.code, template.language)
            await templates.lock(connection, key)
            await self._refuse_same(connection, template, parent)
            version = await versions.add(
                connection,
                self.organization,
                template,
                author=self.actor.author,
                reason=reason,
                parent=parent,
            )
            scope = Scope(self.organization, *key)
            await record(
                connection, scope, self.actor, "saved", version=version.number, reason=reason, parent=parent
            )
            made.append(version)
        return made

    async def _refuse_same(self, connection: Connection, template: TemplateFile, parent: int | None) -> None:
        if parent is None:
            return
        key = (template.code, template.language)
        before = await versions.by_number(connection, self.organization, key, parent)
        if before.template.content_hash == template.content_hash:
            raise InvalidInput(f"Nothing was changed: it is the same as version {parent}.")

    async def label(
        self, key: TemplateKey, number: int, name: str, *, company_id: str = EVERY_COMPANY, reason: str = ""
    ) -> Label:
        """Put a label on a version; ``production`` is what runs get that start from now on.

        A person's label on a paused version ends the pause.

        Raises:
            NotAllowed: The label is protected.
            NotFound: There is no such version.
            InvalidInput: The label's name cannot be used.
        """
        if not _LABEL.fullmatch(name):
            raise InvalidInput(
                f"The label {name[:40]!r} cannot be used.",
                next_step="Use small letters, digits, dots and dashes, such as staging.",
            )
        if name == PRODUCTION:
            may_release(self.actor, "put a version into production")
        async with self.database.transaction(self.organization) as connection:
            await templates.lock(connection, key)
            version = await versions.by_number(connection, self.organization, key, number)
            await self.move(connection, version, name, "labelled", company_id=company_id, reason=reason)
        return Label(name, number, self.organization, company_id)

    async def move(
        self,
        connection: Connection,
        version: Version,
        name: str,
        event: str,
        *,
        company_id: str = EVERY_COMPANY,
        reason: str = "",
    ) -> None:
        """Move a label and record it; the caller holds the lock and has checked the role."""
        scope = Scope(self.organization, *version.key, company_id)
        before = await labels.version_of(connection, scope, name)
        await labels.put(connection, scope, name, version.id)
        lifted = await pauses.lift(connection, self.organization, version.id)
        details = {"from": before} | ({"lifted": True} if lifted else {})
        await record(
            connection,
            scope,
            self.actor,
            event,
            version=version.number,
            label=name,
            reason=reason,
            **details,
        )

    async def unlabel(
        self, key: TemplateKey, name: str, *, company_id: str = EVERY_COMPANY, reason: str = ""
    ) -> None:
        """Take a label of the organization or company away: the next owner's counts again.

        Raises:
            NotAllowed: The label is protected.
            InvalidInput: There is no such label.
        """
        if name == PRODUCTION:
            may_release(self.actor, "change what is in production")
        async with self.database.transaction(self.organization) as connection:
            await templates.lock(connection, key)
            await self._take_away(connection, Scope(self.organization, *key, company_id), name, reason)

    async def _take_away(
        self, connection: Connection, scope: Scope, name: str, reason: str, event: str = "unlabelled"
    ) -> None:
        before = await labels.version_of(connection, scope, name)
        if before is None:
            raise InvalidInput(
                f"The template {scope.code} ({scope.language}) has no label {name[:40]!r} of its own here.",
                next_step=f"See its labels with: posthub prompts history {scope.code}",
            )
        await labels.remove(connection, scope, name)
        details = {"from": before}
        await record(connection, scope, self.actor, event, label=name, reason=reason, **details)

    async def rollback(
        self, key: TemplateKey, *, company_id: str = EVERY_COMPANY, reason: str = ""
    ) -> int | None:
        """Put back into production what was there before the last change.

        Returns:
            The number of the version; None where no version of the organization was: what is shipped counts again.

        Raises:
            NotAllowed: The role may not change what is in production.
            InvalidInput: Nothing was ever changed.
        """
        may_release(self.actor, "roll back what is in production")
        async with self.database.transaction(self.organization) as connection:
            await templates.lock(connection, key)
            scope = Scope(self.organization, *key, company_id)
            target = _before(await events.events(connection, self.organization, *key), scope)
            if target is None:
                await self._take_away(connection, scope, PRODUCTION, reason, "rolled back")
                return None
            version = await versions.by_number(connection, self.organization, key, target)
            await self.move(
                connection, version, PRODUCTION, "rolled back", company_id=company_id, reason=reason
            )
            return target


def _before(trail: Sequence[Event], scope: Scope) -> int | None:
    """Follow the label through the trail and return where it stood before; rolling back twice goes back further."""
    stood: list[int | None] = [None]
    for event in trail:
        if event.scope != scope or event.label != PRODUCTION or event.event not in _MOVES:
            continue
        if event.event == "rolled back":
            stood.pop()
        else:
            stood.append(event.version)
    if len(stood) < 2:
        raise InvalidInput(
            f"The template {scope.code} ({scope.language}) was never changed here: there is nothing to go back to.",
            next_step=f"See its versions with: posthub prompts history {scope.code}",
        )
    return stood[-2]


def _refuse_unknown_variables(template: TemplateFile, given: TemplateFile) -> None:
    for name in sorted(set(template.variables) - set(given.variables)):
        meant = nearest(name, given.variables)
        raise InvalidInput(
            f"The template {template.code} ({template.language}) declares the variable {name!r}, which its step "
            "does not give.",
            next_step=f"Did you mean {meant!r}?"
            if meant
            else f"It gives {', '.join(sorted(given.variables))}.",
        )
