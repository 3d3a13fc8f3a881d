"""``posthub prompts list``, ``show``, ``diff``, ``history`` and ``trace``: looking at prompt templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.editors import Code, Language, print_diff, safe, with_library
from cli.options import Json, Thread
from cli.screen.output import print_json, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean, one_line

if TYPE_CHECKING:
    from app.prompts.library import TemplateHistory
    from store.prompts.labels import Label

_TRACED = (
    "item",
    "kind",
    "revision",
    "author",
    "template_code",
    "template_version",
    "template_language",
    "arm",
)


def list_(json: Json = False) -> int:
    """List the templates: which version is in use, and whose it is.

    Example:
      posthub prompts list
    """
    shown, found = screen(json=json), with_library(lambda library: library.listed())
    if json:
        print_json(shown, found.as_json())
        return 0
    made = table("Template", "Lang", "In use", "Versions", "Labels", "Name", whole=("Template",))
    for row in found.templates:
        labels = ", ".join(f"{name} {number}" for name, number in row.labels.items())
        made.add_row(
            *(
                row.code,
                row.language,
                f"{row.version} ({row.why})",
                str(row.versions),
                labels,
                clean(row.name),
            )
        )
    shown.out.print(made)
    return 0


def show(
    code: Code,
    version: Annotated[
        str | None, typer.Option(metavar="N", help="A number or a label; without it the one in use.")
    ] = None,
    company: Annotated[
        str | None,
        typer.Option("--for", metavar="COMPANY", help="Say which version this company gets, and why."),
    ] = None,
    language: Language = "cs",
    json: Json = False,
) -> int:
    """Show a template as the file that an editor edits.

    Examples:
      posthub prompts show BLOGPOST_GEN_V1
      posthub prompts show BLOGPOST_GEN_V1 --version 3
      posthub prompts show BLOGPOST_GEN_V1 --for "Kavárna U Mlýna"
    """
    shown = screen(json=json)
    found = with_library(lambda library: library.shown(code, language, version=version, company=company))
    if json:
        print_json(shown, found.as_json())
        return 0
    for who, what in found.chain:
        shown.say(f"{who:<14}{what}")
    template, version_of = found.version.template, found.version
    shown.say(
        f"{template.code} ({template.language}) version {version_of.number} by {version_of.author}", "bold"
    )
    if not found.chain:
        shown.out.file.write(safe(found.text))
    return 0


def diff(
    code: Code,
    before: Annotated[str, typer.Argument(metavar="A", help="A version's number or a label.")],
    after: Annotated[str, typer.Argument(metavar="B", help="A version's number or a label.")],
    language: Language = "cs",
) -> int:
    """Show what changed between two versions.

    Examples:
      posthub prompts diff BLOGPOST_GEN_V1 1 2
      posthub prompts diff BLOGPOST_GEN_V1 production staging
    """
    shown = screen()
    found = with_library(lambda library: library.difference(code, language, before, after))
    print_diff(shown, found or "Nothing differs.")
    return 0


def history(code: Code, language: Language = "cs", json: Json = False) -> int:
    """Show every version of a template, and who did what with it, when, why and from where.

    Examples:
      posthub prompts history BLOGPOST_GEN_V1
      posthub prompts history BLOGPOST_GEN_V1 --language en --json
    """
    shown, found = screen(json=json), with_library(lambda library: library.history(code, language))
    if json:
        print_json(shown, found.as_json())
    else:
        _print_history(shown, found)
    return 0


def _print_history(shown: Screen, found: TemplateHistory) -> None:
    made = table("Version", "From", "Created (UTC)", "Author", "Labels", "Reason", right=("Version", "From"))
    for one in found.versions:
        mine = ", ".join(_label_said(label) for label in found.labels if label.version == one.number)
        parent = "" if one.parent is None else str(one.parent)
        when = f"{one.created_at:%Y-%m-%d %H:%M}"
        made.add_row(str(one.number), parent, when, one_line(one.author), mine, one_line(one.reason))
    shown.out.print(made)
    events = table("When (UTC)", "Who", "As", "What", "Why", "From where")
    for event in found.events:
        what = f"{event.event} {event.version or ''} {event.label or ''}".strip()
        cells = (event.author, event.role, what, event.reason, event.origin)
        events.add_row(f"{event.created_at:%Y-%m-%d %H:%M:%S}", *(one_line(cell) for cell in cells))
    shown.out.print()
    shown.out.print(events)


def _label_said(label: Label) -> str:
    whose = "one company" if label.company_id else "organization" if label.organization_id else "shipped"
    return f"{label.name} ({whose})"


def trace(
    thread: Thread,
    item: Annotated[
        str, typer.Argument(metavar="ITEM", help="An item of the run, such as t01; without it all.")
    ] = "",
    json: Json = False,
) -> int:
    """Show which exact prompt version asked for everything that a run made.

    Examples:
      posthub prompts trace 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a
      posthub prompts trace 0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a t01
    """
    shown, found = screen(json=json), with_library(lambda library: library.trace(thread, item))
    if json:
        print_json(shown, found.as_json())
        return 0
    made = table("Item", "Kind", "Made again", "Author", "Template", "Version", "Lang", "Arm")
    for row in found.items:
        cells = [row[name] for name in _TRACED]
        made.add_row(*(clean("" if cell is None else cell) for cell in cells))
    shown.out.print(made)
    return 0
