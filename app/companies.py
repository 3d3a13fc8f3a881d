"""The companies of an organization, and all that is kept about one: shown, exported, deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.deleting import chosen_place, take_away
from domain.errors import NotFound, StoreUnavailable
from exports.archive import new_archive
from exports.page.render import archive_page
from nodes.work import Ports
from store.checkpoints import PostHubSaver
from store.content.companies import CompanyData, CompanySummary, Rows
from store.content.tenants import CompanyRecord
from store.shared.cache import AnswerCache
from store.shared.redis import RedisAway


@dataclass(frozen=True, slots=True)
class CompanyList:
    """An organization's companies, by name."""

    companies: tuple[CompanySummary, ...]

    def as_json(self) -> dict[str, Any]:
        return {"companies": [_dated(one) for one in self.companies]}


@dataclass(frozen=True, slots=True)
class CompanyShown:
    """A company, and how many rows of each table, and how many files, are about it."""

    record: CompanyRecord
    rows: Mapping[str, int]
    files: int

    def as_json(self) -> dict[str, Any]:
        return {"company": _dated(self.record), "rows": dict(self.rows), "files": self.files}


@dataclass(frozen=True, slots=True)
class CompanyExported:
    """An archive that was written. ``missing``: files that rows name and that are not in the file store."""

    company_id: str
    archive: Path
    rows: int
    files: int
    missing: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "archive": str(self.archive)}


@dataclass(frozen=True, slots=True)
class CompanyDeleted:
    """What is gone. ``left``: folders that people chose for packages; they stay."""

    company_id: str
    rows: int
    files: int
    left: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "deleted": True}


class Companies:
    """The companies of one organization.

    Args:
        organization: Whose.
        ports: Where their runs and files are.
        data: Reads and deletes rows.
        saver: Keeps their threads.
        answers: Answers of providers that may be given again.
    """

    def __init__(
        self, organization: str, ports: Ports, *, data: CompanyData, saver: PostHubSaver, answers: AnswerCache
    ) -> None:
        self._organization = organization
        self._ports = ports
        self._data = data
        self._saver = saver
        self._answers = answers

    async def list(self) -> CompanyList:
        """Return all of them."""
        return CompanyList(tuple(await self._data.list(self._organization)))

    async def show(self, name_or_id: str) -> CompanyShown:
        """Return one. Raises NotFound where the organization has none of this name or id."""
        record = await self._find(name_or_id)
        counts = await self._data.counts(self._organization, record.id)
        return CompanyShown(record, counts, len(await self._data.files(self._organization, record.id)))

    async def export(self, name_or_id: str, out: Path) -> CompanyExported:
        """Write all that is kept about a company into a ZIP.

        Raises:
            NotFound: The organization has no such company.
            InvalidInput: There is something of that name.
            StorageFull: It could not be written.
        """
        record, made_at = await self._find(name_or_id), datetime.now(UTC).isoformat()
        rows = await self._data.everything(self._organization, record.id)
        tables = {name: len(found) for name, found in rows.items() if found}
        paths, missing = [], []
        with new_archive(out) as archive:
            for name in tables:
                archive.writestr(f"tables/{name}.json", _as_bytes(rows[name]))
            async for path, data in self._beside(record.id, rows):
                if data is None:
                    missing.append(path)
                    continue
                await asyncio.to_thread(archive.writestr, path, data)
                paths.append(path)
            sandbox = any(run["sandbox"] for run in rows["runs"])
            page = archive_page(asdict(record), tables, sorted(paths), made_at, sandbox=sandbox)
            archive.writestr("index.html", page)
        return CompanyExported(record.id, out, sum(tables.values()), len(paths), tuple(missing))

    async def delete(self, name_or_id: str) -> CompanyDeleted:
        """Delete everything about a company; the ledger keeps its figures.

        Raises:
            NotFound: The organization has no such company.
            InvalidInput: A run of it is being worked on.
            StoreUnavailable: A store does not answer; the rows are gone, and the rest goes when it is asked again.
        """
        try:
            record = await self._find(name_or_id)
        except NotFound as unknown:
            return await self._go_on(name_or_id, unknown)
        gone = await self._data.delete(self._organization, record.id)
        places = (chosen_place(self._ports, run_id, out) for run_id, out in gone.packages)
        files = await self._take_away(record.id)
        return CompanyDeleted(record.id, gone.rows, files, tuple(filter(None, places)))

    async def _go_on(self, name_or_id: str, unknown: NotFound) -> CompanyDeleted:
        """Finish a deletion that was interrupted when the rows were gone."""
        for company_id in (name_or_id, await self._ports.tenants.id_of(self._organization, name_or_id)):
            if await self._ports.erasures.of_company(self._organization, company_id):
                return CompanyDeleted(company_id, 0, await self._take_away(company_id), ())
        raise unknown

    async def _take_away(self, company_id: str) -> int:
        left = await self._ports.erasures.of_company(self._organization, company_id)
        try:
            await self._answers.forget(self._organization)
        except RedisAway as error:
            raise StoreUnavailable(
                "Redis does not answer, and may still have answers about the company.",
                next_step="Start it, then delete the company again: the rest is done then.",
            ) from error
        files = await take_away(self._ports, self._saver, self._organization, left)
        for itself in (one for one in left if not one.run_id):
            await self._ports.erasures.done(self._organization, itself)
        return files

    async def _find(self, name_or_id: str) -> CompanyRecord:
        return await self._ports.tenants.find(self._organization, name_or_id)

    async def _beside(self, company_id: str, rows: Rows) -> AsyncIterator[tuple[str, bytes | None]]:
        """Yield what lies beside the tables, by its path in the archive; None for a file that is not there."""
        for key in await self._data.files(self._organization, company_id):
            try:
                yield f"files/{key}", await self._ports.files.get(key)
            except NotFound:
                yield f"files/{key}", None
        for run in rows["runs"]:
            kept = await self._saver.aget_tuple({"configurable": {"thread_id": run["id"]}})
            if kept is not None:
                yield f"threads/{run['id']}.json", _as_bytes(kept.checkpoint["channel_values"])
            folder = self._ports.packages / run["id"]
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    content = await asyncio.to_thread(path.read_bytes)
                    yield f"packages/{run['id']}/{path.relative_to(folder).as_posix()}", content


def _as_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_plain).encode("utf-8", "replace")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _dated(record: CompanyRecord | CompanySummary) -> dict[str, Any]:
    return {**asdict(record), "created_at": record.created_at.isoformat()}
