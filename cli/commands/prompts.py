"""``posthub prompts list``, ``show``, ``diff``, ``history`` and ``trace``: looking at prompt templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.editors import Code, Language, opened_desk
from cli.options import Json, Thread

if TYPE_CHECKING:
    from cli.editors import Desk
    from cli.screen.terminal import Screen
    from prompts.registry import Choice
    from prompts.versions import Version
    from store.prompts.labels import Label

_BECAUSE = {
    "asked": "asked for",
    "company": "this company's own",
    "experiment": "an experiment runs",
    "organization": "the organization's own",
    "shipped": "as shipped",
}
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
    from cli.screen.output import print_json, table
    from cli.screen.terminal import screen
    from cli.screen.text import clean
    from cli.session import read_settings, run_async

    shown, settings = screen(json=json), read_settings()

    async def work() -> list[dict[str, Any]]:
        async with opened_desk(settings) as desk:
            return await _listed(desk)

    rows = run_async(work())
    if json:
        print_json(shown, {"templates": rows})
        return 0
    made = table("Template", "Lang", "In use", "Versions", "Labels", "Name", whole=("Template",))
    for row in rows:
        use = f"{row['version']} ({_BECAUSE[row['because']]})"
        labels = ", ".join(f"{name} {number}" for name, number in row["labels"].items())
        made.add_row(row["code"], row["language"], use, str(row["versions"]), labels, clean(row["name"]))
    shown.out.print(made)
    return 0


async def _listed(desk: Desk) -> list[dict[str, Any]]:
    from store.prompts import templates

    async with desk.database.transaction() as connection:
        places = await templates.keys(connection, desk.settings.organization)
    chosen = {
        language: await desk.prompts.resolve(language, organization=desk.settings.organization, record=False)
        for language in {language for _, language in places}
    }
    rows = []
    for code, language in places:
        choice = chosen[language].get(code)
        if choice is None or choice.version.key != (code, language):
            continue
        labels = await desk.editor.labels((code, language))
        rows.append(
            {
                "code": code,
                "language": language,
                "name": choice.version.template.front_matter["name"],
                "version": choice.version.number,
                "because": choice.because,
                "versions": len(await desk.editor.versions((code, language))),
                "labels": {one.name: one.version for one in labels if not one.company_id},
            }
        )
    return rows


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
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async
    from prompts.files import dump

    shown, settings = screen(json=json), read_settings()

    async def work() -> tuple[Version, list[tuple[str, str]]]:
        async with opened_desk(settings) as desk:
            if company is None:
                return await desk.version(code, language, version), []
            return await _explained(desk, code, language, company)

    found, chain = run_async(work())
    if json:
        print_json(shown, {**_version_json(found), "chain": dict(chain), "text": dump(found.template)})
        return 0
    for who, what in chain:
        shown.say(f"{who:<14}{what}")
    shown.say(
        f"{found.template.code} ({found.template.language}) version {found.number} by {found.author}", "bold"
    )
    if not chain:
        shown.out.file.write(_safe(dump(found.template)))
    return 0


async def _explained(
    desk: Desk, code: str, language: str, company: str
) -> tuple[Version, list[tuple[str, str]]]:
    """The order in which a company's version is looked for, what each place says, and what comes out."""
    place = await desk.place(code, language)
    found = await desk.company(company)
    organization = desk.settings.organization
    choice = (
        await desk.prompts.resolve(language, organization=organization, company=found.id, record=False)
    )[code]
    labels = {
        (one.organization_id, one.company_id): one.version
        for one in await desk.editor.labels(place)
        if one.name == "production"
    }
    chain = [
        ("company", _said(labels.get((organization, found.id)))),
        ("experiment", _experiment_said(choice)),
        ("organization", _said(labels.get((organization, "")))),
        ("shipped", _said(labels.get(("", "")))),
    ]
    paused = ", ".join(map(str, choice.paused))
    if paused:
        chain.append(("paused", f"version {paused}; its parent stands in"))
    chain.append(("gets", f"version {choice.version.number}: {_BECAUSE[choice.because]}"))
    return choice.version, chain


def _said(number: int | None) -> str:
    return "–" if number is None else f"version {number}"


def _experiment_said(choice: Choice) -> str:
    if choice.because != "experiment":
        return "–"
    return f"arm {choice.arm}, version {choice.version.number}" if choice.arm else "its version is paused"


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
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async
    from prompts.exchange import diff as difference
    from prompts.files import dump

    shown, settings = screen(), read_settings()

    async def work() -> tuple[Version, Version]:
        async with opened_desk(settings) as desk:
            return await desk.version(code, language, before), await desk.version(code, language, after)

    old, new = run_async(work())
    names = (f"{code} ({language}) version {old.number}", f"{code} ({language}) version {new.number}")
    print_diff(shown, difference(dump(old.template), dump(new.template), names) or "Nothing differs.")
    return 0


def history(code: Code, language: Language = "cs", json: Json = False) -> int:
    """Show every version of a template, and who did what with it, when, why and from where.

    Examples:
      posthub prompts history BLOGPOST_GEN_V1
      posthub prompts history BLOGPOST_GEN_V1 --language en --json
    """
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async

    shown, settings = screen(json=json), read_settings()

    async def work() -> tuple[list[Version], list[Label], list[Any]]:
        async with opened_desk(settings) as desk:
            place = await desk.place(code, language)
            editor = desk.editor
            return await editor.versions(place), await editor.labels(place), await editor.trail(*place)

    found, labels, trail = run_async(work())
    if json:
        events = [
            {
                **_event_json(event),
                "organization": event.scope.organization_id,
                "details": dict(event.details),
            }
            for event in trail
        ]
        print_json(shown, {"versions": [_version_json(one) for one in found], "events": events})
        return 0
    _print_history(shown, found, labels, trail)
    return 0


def _print_history(shown: Screen, found: list[Version], labels: list[Label], trail: list[Any]) -> None:
    from cli.screen.output import table
    from cli.screen.text import one_line

    made = table("Version", "From", "Created (UTC)", "Author", "Labels", "Reason", right=("Version", "From"))
    for one in found:
        mine = ", ".join(_label_said(label) for label in labels if label.version == one.number)
        parent = "" if one.parent is None else str(one.parent)
        when = f"{one.created_at:%Y-%m-%d %H:%M}"
        made.add_row(str(one.number), parent, when, one_line(one.author), mine, one_line(one.reason))
    shown.out.print(made)
    events = table("When (UTC)", "Who", "As", "What", "Why", "From where")
    for event in trail:
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
    from app.traces import traced
    from cli.screen.output import print_json, table
    from cli.screen.terminal import screen
    from cli.screen.text import clean
    from cli.session import read_settings, run_async

    shown, settings = screen(json=json), read_settings()

    async def work() -> list[dict[str, Any]]:
        async with opened_desk(settings) as desk:
            return await traced(desk.database, settings.organization, thread, item)

    rows = run_async(work())
    if json:
        print_json(shown, {"thread_id": thread, "items": rows})
        return 0
    made = table("Item", "Kind", "Made again", "Author", "Template", "Version", "Lang", "Arm")
    for row in rows:
        cells = [row[name] for name in _TRACED]
        made.add_row(*(clean("" if cell is None else cell) for cell in cells))
    shown.out.print(made)
    return 0


def print_diff(shown: Screen, text: str) -> None:
    """Print a unified diff, in colour where there is any."""
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in _safe(text).splitlines():
        shown.out.print(line, style=styles.get(line[:1]), soft_wrap=True)


def _safe(text: str) -> str:
    """A template may be anybody's text: it must not command the terminal. Its lines stay as they are."""
    from cli.screen.text import clean

    return "\n".join(clean(line) for line in text.split("\n"))


def _version_json(version: Version) -> dict[str, Any]:
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


def _event_json(event: Any) -> dict[str, Any]:
    names = ("event", "version", "label", "author", "role", "origin", "reason")
    plain = {name: getattr(event, name) for name in names}
    return {**plain, "company": event.scope.company_id, "created_at": event.created_at.isoformat()}
