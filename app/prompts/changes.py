"""What a person changes in the prompt templates: labels, files in and out. Everything is in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.prompts.library import Library
from prompts.exchange import Change, bring_in, export


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did with each file, or would do."""

    dry_run: bool
    changes: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        rows = [
            {"file": each.path, "code": each.key[0], "language": each.key[1], "status": each.status}
            for each in self.changes
        ]
        return {"dry_run": self.dry_run, "changes": rows}


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written."""

    folder: Path
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "files": [str(path) for path in self.files]}


@dataclass(frozen=True)
class PromptChanges:
    """Changes to the templates of a library."""

    library: Library

    async def label(
        self, code: str, language: str, version: int, name: str, *, company: str | None, reason: str
    ) -> None:
        """Put a label on a version, of a company alone where one is named. Raises as `Editor.label`."""
        key = await self.library.key(code, language)
        company_id = await self.library.company_id(company)
        await self.library.editor.label(key, version, name, company_id=company_id, reason=reason)

    async def unlabel(self, code: str, language: str, name: str, *, company: str | None, reason: str) -> None:
        """Take a label away. Raises as `Editor.unlabel`."""
        key = await self.library.key(code, language)
        company_id = await self.library.company_id(company)
        await self.library.editor.unlabel(key, name, company_id=company_id, reason=reason)

    async def rollback(self, code: str, language: str, *, company: str | None, reason: str) -> int | None:
        """Go back one change of production; returns the version, None for what is shipped."""
        key = await self.library.key(code, language)
        company_id = await self.library.company_id(company)
        return await self.library.editor.rollback(key, company_id=company_id, reason=reason)

    async def bring_in(self, source: Path, *, reason: str, dry_run: bool = False) -> Imported:
        """Bring templates in from a file or a folder, all of them or none. Raises as `prompts.exchange.bring_in`."""
        library = self.library
        changes = await bring_in(library.editor, library.prompts, source, reason=reason, dry_run=dry_run)
        return Imported(dry_run, tuple(changes))

    async def export(self, folder: Path, *, all_versions: bool = False) -> Exported:
        """Write the templates in use, and all versions if asked for. Raises as `prompts.exchange.export`."""
        library = self.library
        written = await export(library.editor, library.prompts, folder, all_versions=all_versions)
        return Exported(folder, tuple(written))
