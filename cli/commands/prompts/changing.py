"""``posthub prompts label``, ``unlabel``, ``rollback``, ``import`` and ``export``: changing what is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.editors import Code, Company, Language, Reason, print_diff, with_changes
from cli.options import Json
from cli.screen.output import print_json
from cli.screen.terminal import screen


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
    shown = screen()
    with_changes(lambda changes: changes.label(code, language, version, name, company=company, reason=reason))
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
    shown = screen()
    with_changes(lambda changes: changes.unlabel(code, language, name, company=company, reason=reason))
    shown.out.print(f"{code} ({language}) has no label {name} of its own any more.")
    return 0


def rollback(code: Code, company: Company = None, reason: Reason = "", language: Language = "cs") -> int:
    """Put back into production what was there before the last change; again goes back further.

    Examples:
      posthub prompts rollback BLOGPOST_GEN_V1
      posthub prompts rollback BLOGPOST_GEN_V1 --reason "editors complain about the tone"
    """
    shown = screen()
    number = with_changes(lambda changes: changes.rollback(code, language, company=company, reason=reason))
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
    shown = screen(json=json)
    said = reason or f"imported from {source.name}"
    found = with_changes(lambda changes: changes.bring_in(source, reason=said, dry_run=dry_run))
    if json:
        print_json(shown, found.as_json())
        return 0
    for change in found.changes:
        if change.diff:
            print_diff(shown, change.diff)
    made = sum(change.status != "same" for change in found.changes)
    what = "would be kept" if dry_run else "kept; labels have not moved"
    shown.out.print(f"{made} of {len(found.changes)} files are new: {made} versions {what}.")
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
    shown = screen(json=json)
    found = with_changes(lambda changes: changes.export(folder, all_versions=all_versions))
    if json:
        print_json(shown, found.as_json())
    else:
        shown.out.print(f"{len(found.files)} files written to {folder}.", soft_wrap=True)
    return 0
