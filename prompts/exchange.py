"""Templates as a folder that a person can read and keep under git: ``CODE/cs.md``, and all versions if asked for.

With all versions there are also ``CODE/cs.v1.md``, ``CODE/cs.v2.md``, … and ``CODE/versions.yaml`` with who made
each of them, when, why and from which. An export that is brought in elsewhere and exported again is the same.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput, StorageFull
from prompts import versions
from prompts.actor import RELEASE, reason_given
from prompts.editing import Editor
from prompts.files import MAX_FILE, TemplateFile, dump, read
from prompts.front_matter import dump_yaml, load_yaml
from prompts.registry import Prompts
from prompts.versions import Version
from store.prompts import templates
from store.prompts.events import Scope, record
from store.prompts.templates import TemplateKey

VERSIONS = "versions.yaml"
_NAME = re.compile(r"(?P<language>[a-z]{2})(?:\.v(?P<number>[1-9]\d{0,8}))?\.md")
_MOST_FILES = 20_000


@dataclass(frozen=True)
class Change:
    """What an import does with one file: ``new`` template, ``changed``, or the ``same`` as version ``number``."""

    path: str
    key: TemplateKey
    status: str
    number: int | None
    diff: str


@dataclass(frozen=True)
class _File:
    path: str
    template: TemplateFile
    number: int | None
    about: Mapping[str, Any]
    parent_hash: str | None = None


def diff(before: str, after: str, names: tuple[str, str]) -> str:
    """Return the difference of two texts as a unified diff; empty where there is none."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="", n=3)
    return "\n".join(lines)


async def export(editor: Editor, prompts: Prompts, folder: Path, *, all_versions: bool = False) -> list[Path]:
    """Write what is in use, and all versions if asked for; returns the files.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    async with editor.database.transaction(editor.organization) as connection:
        keys = await templates.keys(connection, editor.organization)
    texts: dict[Path, str] = {}
    for code, language in keys:
        in_use = await prompts.version(code, language, organization=editor.organization)
        if in_use.template.language == language:
            texts[Path(code, f"{language}.md")] = dump(in_use.template)
        if all_versions:
            texts |= await _whole_history(editor, (code, language))
    if all_versions:
        texts |= await _manifests(editor, keys)
    return [_write(folder / path, text) for path, text in sorted(texts.items())]


async def _whole_history(editor: Editor, key: TemplateKey) -> dict[Path, str]:
    code, language = key
    return {
        Path(code, f"{language}.v{version.number}.md"): dump(version.template)
        for version in await editor.versions(key)
    }


async def _manifests(editor: Editor, keys: Sequence[TemplateKey]) -> dict[Path, str]:
    found: dict[str, dict[str, Any]] = {}
    for code, language in keys:
        for version in await editor.versions((code, language)):
            found.setdefault(code, {})[f"{language}.v{version.number}"] = _about(version)
    return {Path(code, VERSIONS): dump_yaml(about) for code, about in found.items()}


def _about(version: Version) -> dict[str, Any]:
    return {
        "author": version.author,
        "reason": version.reason,
        "created": version.created_at.isoformat(),
        "parent": version.parent,
        "hash": version.template.content_hash,
    }


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        kind = StorageFull if error.errno == 28 else InvalidInput
        raise kind(
            f"The file {path} cannot be written: {error.strerror}.", next_step="Choose another folder."
        ) from error
    return path


async def bring_in(
    editor: Editor, prompts: Prompts, source: Path, *, reason: str, dry_run: bool = False
) -> list[Change]:
    """Bring a file or a folder in, all of it or nothing; texts that are known already make no new version.

    No label moves: what is in use stays in use.

    Raises:
        InvalidInput: A file cannot be used (it is named), or there is none.
    """
    said = reason_given(reason)
    files = _read_all(source)
    for file in files:
        try:
            await editor.checked(file.template)
        except InvalidInput as error:
            raise _in_file(file.path, error) from error
    changes, drafts = await _compare(editor, prompts, files)
    if drafts and not dry_run:
        await _keep(editor, drafts, said)
    return changes


async def _compare(
    editor: Editor, prompts: Prompts, files: Sequence[_File]
) -> tuple[list[Change], list[tuple[_File, int | None]]]:
    changes, drafts = [], []
    added: set[tuple[TemplateKey, str]] = set()
    for file in files:
        key = (file.template.code, file.template.language)
        known = await editor.versions(key)
        same = next((v for v in known if v.template.content_hash == file.template.content_hash), None)
        if same is not None:
            changes.append(Change(file.path, key, "same", same.number, ""))
            continue
        if (key, file.template.content_hash) in added:
            continue  # what is in use is one of the versions beside it
        added.add((key, file.template.content_hash))
        base = await _base(prompts, editor.organization, key) if known else None
        before = dump(base.template) if base else ""
        names = (f"{key[0]} ({key[1]}) version {base.number}" if base else "nothing", file.path)
        text = diff(before, dump(file.template), names)
        changes.append(Change(file.path, key, "changed" if known else "new", None, text))
        drafts.append((file, base.number if base else None))
    return changes, drafts


async def _base(prompts: Prompts, organization: str, key: TemplateKey) -> Version | None:
    version = await prompts.version(*key, organization=organization)
    return version if version.key == key else None


async def _keep(editor: Editor, drafts: Sequence[tuple[_File, int | None]], reason: str) -> None:
    async with editor.database.transaction(editor.organization) as connection:
        for file, base in drafts:
            key = (file.template.code, file.template.language)
            await templates.lock(connection, key)
            parent = base
            if file.about:
                known = await versions.all_of(connection, editor.organization, key)
                numbers = {version.template.content_hash: version.number for version in known}
                parent = numbers.get(file.parent_hash or "")
            author = str(file.about.get("author") or editor.actor.author)
            made = await versions.add(
                connection,
                editor.organization,
                file.template,
                author=editor.actor.author if author == RELEASE.author else author,
                reason=str(file.about.get("reason") or reason),
                parent=parent,
                created_at=_moment(file),
            )
            await record(
                connection,
                Scope(editor.organization, *key),
                editor.actor,
                "imported",
                version=made.number,
                reason=reason,
                file=file.path,
                parent=parent,
            )


def _moment(file: _File) -> datetime | None:
    created = file.about.get("created")
    try:
        moment = datetime.fromisoformat(str(created)) if created else None
    except ValueError as error:
        raise _in_file(file.path, InvalidInput(f"The moment {str(created)[:40]!r} is none.")) from error
    return moment if moment is None or moment.tzinfo else None


def _read_all(source: Path) -> list[_File]:
    if source.is_dir():
        files = [file for folder in sorted(source.iterdir()) if folder.is_dir() for file in _folder(folder)]
    elif source.exists():
        files = [_File(str(source), _parse(source), None, {})]
    else:
        raise InvalidInput(f"There is no file or folder {str(source)!r}.", next_step="Check the path.")
    if not files:
        raise InvalidInput(
            f"The folder {str(source)!r} holds no template.",
            next_step="It needs folders that are named as templates are, with a cs.md in each.",
        )
    _refuse_twice(files)
    return files


def _folder(folder: Path) -> list[_File]:
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".md")
    manifest = _manifest(folder / VERSIONS)
    files = []
    for path in paths[:_MOST_FILES]:
        match = _NAME.fullmatch(path.name)
        template = _parse(path)
        if not match or (template.code, template.language) != (folder.name, match["language"]):
            where = f"{template.code}/{template.language}.md"
            raise _in_file(
                str(path), InvalidInput(f"It is the template of {where}.", next_step="Move it there.")
            )
        about = manifest.get(path.stem, {})
        number = int(match["number"]) if match["number"] else None
        parent = manifest.get(f"{match['language']}.v{about.get('parent')}", {})
        files.append(_File(str(path), template, number, about, parent.get("hash")))
    # older versions first, so that they get their numbers in their order; what is in use is one of them
    return sorted(files, key=lambda f: (f.template.language, f.number is None, f.number or 0))


def _manifest(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        found = load_yaml(_text(path))
    except InvalidInput as error:
        raise _in_file(str(path), error) from error
    return {name: about for name, about in found.items() if isinstance(about, dict)}


def _parse(path: Path) -> TemplateFile:
    try:
        return read(_text(path))
    except InvalidInput as error:
        raise _in_file(str(path), error) from error


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(4 * MAX_FILE + 1)
        return raw.decode("utf-8")
    except OSError as error:
        raise InvalidInput(f"It cannot be read: {error.strerror}.", next_step="Check the path.") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InvalidInput(f"Line {line} is not UTF-8.", next_step="Save it as UTF-8.") from error


def _refuse_twice(files: Sequence[_File]) -> None:
    seen: dict[tuple[TemplateKey, int | None], str] = {}
    for file in files:
        key = ((file.template.code, file.template.language), file.number)
        if key in seen:
            raise _in_file(
                file.path,
                InvalidInput(
                    f"The template {key[0][0]} ({key[0][1]}) stands in {seen[key]} too.",
                    next_step="Keep one.",
                ),
            )
        seen[key] = file.path


def _in_file(path: str, error: InvalidInput) -> InvalidInput:
    return InvalidInput(
        f"Nothing was brought in, because of {path}: {error.message}",
        next_step=error.next_step,
        file=path,
        **error.details,
    )
