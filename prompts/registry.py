"""Which version of a template is in use; versions stay in memory, so that rendering costs no query."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.calls import TemplateRef
from domain.errors import InvalidInput, NotFound
from domain.worlds import World
from prompts import active, shipping, versions
from prompts.active import FALLBACK_LANGUAGE, PRODUCTION, ActiveVersions
from prompts.experiments import pauses
from prompts.experiments.allocation import assigned
from prompts.experiments.pauses import PauseRule
from prompts.files import trusted_hashes
from prompts.rendering.renderer import Renderer, shared_renderer
from prompts.versions import Version, of_row, unknown_template
from store.database import Database
from store.prompts import templates
from store.prompts.templates import TemplateKey
from store.prompts.watch import watching
from store.schema.prompts import EVERY_COMPANY, SHARED
from store.tenancy import SYSTEM

__all__ = ["FALLBACK_LANGUAGE", "PRODUCTION", "Choice", "Prompts", "Rendered"]

Wanted = Mapping[str, int | str]
"""By code: a version's number or a label."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt that is ready to be sent, and the exact version that made it."""

    system: str
    user: str
    purpose: str
    temperature: float | None
    max_tokens: int
    ref: TemplateRef


@dataclass(frozen=True, slots=True)
class Choice:
    """The version that a run gets, and why: ``asked``, ``company``, ``experiment``, ``organization``, ``shipped``.

    ``paused`` are the numbers of versions that would have come first but are paused.
    """

    version: Version
    because: str
    experiment: str | None = None
    arm: str | None = None
    paused: tuple[int, ...] = ()

    def pin(self) -> dict[str, Any]:
        """Plain JSON for a run's state: the version by its id, which names one text for ever."""
        return {"id": self.version.id, "experiment": self.experiment, "arm": self.arm}


class Prompts:
    """The templates in use, for every organization.

    Changed labels are seen at once within `watched`, and by `resolve` always; elsewhere after `reload`. Pauses and arms
    are of one world.
    """

    def __init__(
        self,
        database: Database,
        renderer: Renderer | None = None,
        pause_rule: PauseRule | None = None,
        world: World = World.REAL,
    ) -> None:
        self._database = database
        self._world = world
        self._pause_rule = pause_rule or PauseRule()
        self._renderer = renderer or shared_renderer()
        self._active = ActiveVersions()
        self._by_id: dict[str, Version] = {}
        self._loading = asyncio.Lock()
        self._watching = False

    async def sync_shipped(self) -> int:
        """Bring the shipped templates into the database, see `prompts.shipping.sync`; returns how many were added."""
        added = await shipping.sync(self._database)
        await self.reload()
        return added

    async def reload(self) -> None:
        """Read labels, pauses and experiments anew, and the versions on which labels stand."""
        async with self._database.transaction(SYSTEM) as connection:
            found = await active.load(connection, self._world)
            missing = set(found.labels.values()) - set(self._by_id)
            if missing:
                for row in await templates.by_ids(connection, missing):
                    self._by_id[row.id] = of_row(row)
        self._active = found

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Follow the changes of other processes for as long as the block lasts."""
        async with watching(self._database.uri, self._changed):
            try:
                yield
            finally:
                self._watching = False

    async def _changed(self, listening: bool) -> None:
        self._watching = False
        await self.reload()
        self._watching = listening

    async def current(self, language: str, *, organization: str = SHARED) -> dict[str, int]:
        """Return the number of the version in production of every template, by code."""
        await self._loaded()
        codes = {code for code, _ in self._active.keys(organization)}
        return {
            code: (await self.version(code, language, organization=organization)).number
            for code in sorted(codes)
        }

    async def resolve(
        self,
        language: str,
        *,
        organization: str = SHARED,
        company: str = EVERY_COMPANY,
        wanted: Wanted | None = None,
        record: bool = True,
    ) -> dict[str, Choice]:
        """Choose the version of every template for a run that starts now, by code.

        What is asked for comes first, then the company's own production label, a running experiment, the
        organization's label, and what came with the product. A paused version gives way to its parent. The company's
        arm of an experiment is recorded unless ``record`` is false.

        Raises:
            NotFound: ``wanted`` names a template, version or label that there is not.
        """
        if not self._watching:
            await self.reload()
        asked = dict(wanted or {})
        known = {code for code, _ in self._active.keys(organization)}
        for code in asked:
            if code not in known:
                raise unknown_template(code, known)
        return {
            code: await self._choose(code, language, organization, company, asked.get(code), record)
            for code in sorted(known)
        }

    async def check(self, language: str, organization: str, wanted: Wanted) -> None:
        """Refuse what `resolve` would refuse; NotFound names what there is not."""
        if wanted:
            await self.resolve(language, organization=organization, wanted=wanted, record=False)

    async def _choose(
        self,
        code: str,
        language: str,
        organization: str,
        company: str,
        asked: int | str | None,
        record: bool,
    ) -> Choice:
        key = self._key(organization, code, language)
        if asked is not None:
            return Choice(await self._asked(organization, key, asked, company), "asked")
        found = self._active.labelled(organization, key, PRODUCTION, company)
        assert found is not None, "a template without the label production has no key"
        template_id, because = found
        if because != "company":
            tried = await self._tried(organization, key, company, record)
            if tried is not None:
                return tried
        version, paused = await self._unpaused(organization, await self._by(organization, template_id))
        return Choice(version, because, paused=paused)

    async def _tried(self, organization: str, key: TemplateKey, company: str, record: bool) -> Choice | None:
        experiment = self._active.experiments.get((organization, *key))
        if experiment is None or company == EVERY_COMPANY or not experiment.active(datetime.now(UTC)):
            return None
        async with self._database.transaction(organization) as connection:
            arm = await assigned(connection, experiment, company, record=record)
        version, paused = await self._unpaused(organization, await self._by(organization, arm.template_id))
        if paused:
            return Choice(version, "experiment", paused=paused)  # what stands in for an arm is no part of it
        return Choice(version, "experiment", experiment.id, arm.name)

    async def _unpaused(self, organization: str, version: Version) -> tuple[Version, tuple[int, ...]]:
        paused: list[int] = []
        while (organization, version.id) in self._active.paused and version.parent is not None:
            paused.append(version.number)
            version = await self._numbered(organization, version.key, version.parent)
        return version, tuple(paused)

    async def _asked(self, organization: str, key: TemplateKey, asked: int | str, company: str) -> Version:
        if isinstance(asked, bool) or not isinstance(asked, int | str):
            raise InvalidInput(
                f"The version {asked!r:.40} of {key[0]} is neither a number nor a label.",
                next_step="Give a number, such as 3, or a label, such as staging.",
            )
        if isinstance(asked, int) or asked.isdecimal():
            return await self._numbered(organization, key, int(str(asked)[:12]))
        found = self._active.labelled(organization, key, asked, company)
        if found is None:
            raise NotFound(
                f"The template {key[0]} ({key[1]}) has no label {asked[:40]!r}.",
                next_step=f"See its labels with: posthub prompts history {key[0]}",
            )
        return await self._by(organization, found[0])

    async def render(
        self,
        code: str,
        variables: Mapping[str, Any],
        *,
        language: str,
        pinned: Mapping[str, int] | None = None,
        pins: Mapping[str, Mapping[str, Any]] | None = None,
        organization: str = SHARED,
    ) -> Rendered:
        """Render a template's version in use, or the pinned one.

        Args:
            code: The template, such as ``BLOGPOST_GEN_V1``.
            variables: Plain data under the names that the template declares.
            language: ISO 639-1; Czech stands in for a language that has no template.
            pinned: Version numbers by code, as `current` gave them.
            pins: Versions by code, as `Choice.pin` gave them; they count before ``pinned``.
            organization: Whose templates.

        Raises:
            NotFound: No such template or version.
            InvalidInput: A variable is missing or is no plain data, or an editor's text met a limit.
        """
        version, ref = await self._pinned(code, language, pinned, pins, organization)
        system, user = await self.try_out(version, variables, organization=organization)
        one = version.template
        return Rendered(system, user, one.purpose, one.temperature, one.max_tokens, ref)

    async def ref(
        self,
        code: str,
        *,
        language: str,
        pinned: Mapping[str, int] | None = None,
        pins: Mapping[str, Mapping[str, Any]] | None = None,
        organization: str = SHARED,
    ) -> TemplateRef:
        """Return the name of the version that `render` would render."""
        return (await self._pinned(code, language, pinned, pins, organization))[1]

    async def _pinned(
        self,
        code: str,
        language: str,
        pinned: Mapping[str, int] | None,
        pins: Mapping[str, Mapping[str, Any]] | None,
        organization: str,
    ) -> tuple[Version, TemplateRef]:
        pin = (pins or {}).get(code)
        if pin:
            version = await self._by(organization, str(pin["id"]))
            return version, version.ref(pin.get("experiment"), pin.get("arm"))
        version = await self.version(code, language, (pinned or {}).get(code), organization=organization)
        return version, version.ref()

    async def schema_failed(self, organization: str, ref: TemplateRef) -> None:
        """Count an answer that did not fit its schema; too many pause the version, see `prompts.experiments.pauses`."""
        await pauses.schema_failed(self._database, organization, self._world, ref, self._pause_rule)

    async def try_out(
        self, version: Version, variables: Mapping[str, Any], *, organization: str = SHARED
    ) -> tuple[str, str]:
        """Return the system and the user prompt of a version; texts of editors are rendered in a child process."""
        template = version.template
        if template.content_hash in trusted_hashes():
            return template.render(variables)
        texts = await self._renderer.render(
            template.parts, sorted(template.variables), variables, owner=organization
        )
        return texts[0], texts[1]

    async def version(
        self, code: str, language: str, number: int | None = None, *, organization: str = SHARED
    ) -> Version:
        """Return a version of a template, the one in production when no number is given; NotFound if there is none."""
        await self._loaded()
        key = self._key(organization, code, language)
        if number is not None:
            return await self._numbered(organization, key, number)
        found = self._active.labelled(organization, key, PRODUCTION)
        assert found is not None, "a template without the label production has no key"
        return await self._by(organization, found[0])

    async def hashes(
        self, language: str, used: Iterable[tuple[str, int]], *, organization: str = SHARED
    ) -> dict[tuple[str, int], str]:
        """Return the content hash of each (code, version number) that the organization knows."""
        found = {}
        for code, number in used:
            with suppress(NotFound):
                version = await self.version(code, language, number, organization=organization)
                found[code, number] = version.template.content_hash
        return found

    async def _loaded(self) -> None:
        if not self._active.labels:
            async with self._loading:
                if not self._active.labels:
                    await self.reload()

    def _key(self, organization: str, code: str, language: str) -> TemplateKey:
        key = self._active.key(organization, code, language)
        if key is None:
            raise unknown_template(code, {known for known, _ in self._active.keys(organization)})
        return key

    async def _numbered(self, organization: str, key: TemplateKey, number: int) -> Version:
        for owner in (organization, SHARED):
            known = self._by_id.get(versions.version_id(owner, key, number))
            if known is not None:
                return known
        async with self._database.transaction(organization) as connection:
            found = await versions.by_number(connection, organization, key, number)
        self._by_id[found.id] = found
        return found

    async def _by(self, organization: str, template_id: str) -> Version:
        known = self._by_id.get(template_id)
        if known is None or known.organization_id not in (SHARED, organization):
            async with self._database.transaction(organization) as connection:
                known = await versions.by_id(connection, organization, template_id)
            self._by_id[known.id] = known
        return known
