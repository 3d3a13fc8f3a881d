"""``posthub prompts edit``, ``label``, ``rollback``, ``import`` and ``export``: changing prompt templates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.editors import Code, Company, Language, Reason, opened_desk
from cli.options import Json

if TYPE_CHECKING:
    from cli.editors import Desk
    from cli.screen.terminal import Screen
    from prompts.files import TemplateFile
    from prompts.versions import Version


def edit(
    code: Code,
    version: Annotated[
        str | None, typer.Option(metavar="N", help="Start from this version; without it from the one in use.")
    ] = None,
    reason: Reason = "",
    language: Language = "cs",
) -> int:
    """Change a template in your editor (EDITOR) and keep it as a new version.

    It is checked and rendered with its examples before it is kept. Runs go on with what is in production, until
    you label the new version.

    Examples:
      posthub prompts edit BLOGPOST_GEN_V1
      EDITOR=nano posthub prompts edit BLOGPOST_GEN_V1 --version 2 --reason "warmer tone"
    """
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async
    from prompts.actor import reason_given
    from prompts.files import dump

    shown, settings = screen(), read_settings()
    if not shown.interactive:
        reason_given(reason)  # nobody can be asked later

    async def base() -> Version:
        async with opened_desk(settings) as desk:
            return await desk.version(code, language, version)

    before = run_async(base())
    text = _edited(shown, dump(before.template), f"{code}-{language}")
    if text == dump(before.template):
        shown.out.print("Nothing was changed.")
        return 0
    return run_async(_keep(shown, settings, before, text, reason))


async def _keep(shown: Screen, settings: Any, before: Version, text: str, reason: str) -> int:
    from cli.commands.prompts import print_diff
    from domain.errors import PostHubError
    from prompts.exchange import diff
    from prompts.files import dump

    code, language = before.key
    async with opened_desk(settings) as desk:
        try:
            template = await _checked(shown, desk, before, text)
            names = (f"version {before.number}", "yours")
            print_diff(shown, diff(dump(before.template), dump(template), names))
            said = reason or _asked_reason(shown)
            made = await desk.editor.save(template, parent=before.number, reason=said)
        except PostHubError as error:
            error.next_step = f"{error.next_step} {_draft_kept(settings.home, code, language, text)}".strip()
            raise
    shown.out.print(f"{code} ({language}) version {made.number} is kept; production has not changed.")
    shown.say(f"Try it: posthub prompts render {code} --example --version {made.number}{_lang(language)}")
    shown.say(f"Use it: posthub prompts label {code} {made.number} production{_lang(language)}")
    return 0


async def _checked(shown: Screen, desk: Desk, before: Version, text: str) -> TemplateFile:
    """Check what was written; on a terminal the person may go on editing until it holds."""
    from cli.screen.terminal import TerminalKeyboard
    from domain.errors import InvalidInput
    from prompts.files import read

    while True:
        try:
            template = read(text)
            if (template.code, template.language) != before.key:
                raise InvalidInput(
                    f"It is now the template {template.code} ({template.language}).",
                    next_step=f"Leave code and language as they are: {before.key[0]} and {before.key[1]}.",
                )
            return await desk.editor.checked(template)
        except InvalidInput as error:
            if not shown.interactive:
                raise
            shown.say(str(error), "bold yellow")
            if TerminalKeyboard().line("Edit again? [Y/n] ").lower().startswith("n"):
                raise
            text = _edited(shown, text, "-".join(before.key))


def _edited(shown: Screen, text: str, name: str) -> str:
    from cli.screen.terminal import TerminalKeyboard

    return TerminalKeyboard().edit(text, f"-{name}.md")


def _asked_reason(shown: Screen) -> str:
    from cli.screen.terminal import TerminalKeyboard

    return TerminalKeyboard().line("Why? (for the history) ") if shown.interactive else ""


def _draft_kept(home: Path, code: str, language: str, text: str) -> str:
    """Keep what a person wrote although it cannot be used: it may have been an hour's work."""
    path = home / "drafts" / f"{code}-{language}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f"What you wrote is in {path}."


def _lang(language: str) -> str:
    return "" if language == "cs" else f" --language {language}"


def label(
    code: Code,
    version: Annotated[int, typer.Argument(metavar="N", help="The version's number.")],
    name: Annotated[str, typer.Argument(metavar="LABEL", help="production, staging, or one of your own.")],
    company: Company = None,
    reason: Reason = "",
    language: Language = "cs",
) -> int:
    """Put a label on a version; with production, runs that start from now on use it.

    Runs that have started keep their versions. Only the roles admin and manager may change production.

    Examples:
      posthub prompts label BLOGPOST_GEN_V1 2 staging
      posthub prompts label BLOGPOST_GEN_V1 2 production --reason "won the experiment"
      posthub prompts label BLOGPOST_GEN_V1 3 production --company "Kavárna U Mlýna"
    """
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async

    shown, settings = screen(), read_settings()

    async def work() -> None:
        async with opened_desk(settings) as desk:
            place = await desk.place(code, language)
            company_id = await desk.company_id(company)
            await desk.editor.label(place, version, name, company_id=company_id, reason=reason)

    run_async(work())
    whose = f" for {company}" if company else ""
    shown.out.print(f"{code} ({language}) version {version} is now {name}{whose}.", soft_wrap=True)
    return 0


def unlabel(
    code: Code,
    name: Annotated[str, typer.Argument(metavar="LABEL", help="The label to take away.")],
    company: Company = None,
    reason: Reason = "",
    language: Language = "cs",
) -> int:
    """Take a label away: a company falls back to its organization's version, that to the shipped one.

    Examples:
      posthub prompts unlabel BLOGPOST_GEN_V1 staging
      posthub prompts unlabel BLOGPOST_GEN_V1 production --company "Kavárna U Mlýna"
    """
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async

    shown, settings = screen(), read_settings()

    async def work() -> None:
        async with opened_desk(settings) as desk:
            place = await desk.place(code, language)
            company_id = await desk.company_id(company)
            await desk.editor.unlabel(place, name, company_id=company_id, reason=reason)

    run_async(work())
    shown.out.print(f"{code} ({language}) has no label {name} of its own any more.")
    return 0


def rollback(code: Code, company: Company = None, reason: Reason = "", language: Language = "cs") -> int:
    """Put back into production what was there before the last change; again goes back further.

    Examples:
      posthub prompts rollback BLOGPOST_GEN_V1
      posthub prompts rollback BLOGPOST_GEN_V1 --reason "editors complain about the tone"
    """
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async

    shown, settings = screen(), read_settings()

    async def work() -> int | None:
        async with opened_desk(settings) as desk:
            place = await desk.place(code, language)
            company_id = await desk.company_id(company)
            return await desk.editor.rollback(place, company_id=company_id, reason=reason)

    number = run_async(work())
    what = f"version {number} is in production again" if number else "what came with the product counts again"
    shown.out.print(f"{code} ({language}): {what}.")
    return 0


def import_(
    source: Annotated[Path, typer.Argument(metavar="DIR|FILE", help="A template file, or a folder of them.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    reason: Reason = "",
    json: Json = False,
) -> int:
    """Bring templates in from files, all of them or none; labels stay where they are.

    Shows the difference to what is in use. A text that is known already makes no new version.

    Examples:
      posthub prompts import ./prompts --dry-run
      posthub prompts import ./prompts/BLOGPOST_GEN_V1/cs.md --reason "from the agency's repository"
    """
    from cli.commands.prompts import print_diff
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async
    from prompts.exchange import Change, bring_in

    shown, settings = screen(json=json), read_settings()
    said = reason or f"imported from {source.name}"

    async def work() -> list[Change]:
        async with opened_desk(settings) as desk:
            return await bring_in(desk.editor, desk.prompts, source, reason=said, dry_run=dry_run)

    changes = run_async(work())
    if json:
        rows = [{"file": c.path, "code": c.key[0], "language": c.key[1], "status": c.status} for c in changes]
        print_json(shown, {"dry_run": dry_run, "changes": rows})
        return 0
    for change in changes:
        if change.diff:
            print_diff(shown, change.diff)
    made = sum(change.status != "same" for change in changes)
    what = "would be kept" if dry_run else "kept; labels have not moved"
    shown.out.print(f"{made} of {len(changes)} files are new: {made} versions {what}.")
    return 0


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Every version too, and who made it.")
    ] = False,
    json: Json = False,
) -> int:
    """Write the templates in use into a folder, one folder a template, to read or to keep under git.

    Examples:
      posthub prompts export ./prompts
      posthub prompts export ./prompts --all-versions
    """
    from cli.screen.output import print_json
    from cli.screen.terminal import screen
    from cli.session import read_settings, run_async
    from prompts.exchange import export as write

    shown, settings = screen(json=json), read_settings()

    async def work() -> list[Path]:
        async with opened_desk(settings) as desk:
            return await write(desk.editor, desk.prompts, folder, all_versions=all_versions)

    written = run_async(work())
    if json:
        print_json(shown, {"folder": str(folder), "files": [str(path) for path in written]})
    else:
        shown.out.print(f"{len(written)} files written to {folder}.", soft_wrap=True)
    return 0
