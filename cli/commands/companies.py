"""``posthub companies``: for whom content is made, and all that is kept about them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.text import Text

from cli.commands.people.shared import Shown
from cli.options import Json
from cli.screen.output import print_json, table
from cli.screen.terminal import Screen, screen
from cli.screen.text import clean
from cli.session import opened_services, read_settings, run_async
from domain.errors import InvalidInput

if TYPE_CHECKING:
    from app.companies import Companies, CompanyShown

T = TypeVar("T", bound=Shown)

Company = Annotated[str, typer.Argument(metavar="COMPANY", help="The company's name or id.")]


def list_(json: Json = False) -> int:
    """List the companies of the organization.

    Example:
      posthub companies list
    """
    shown, found = _ask(lambda companies: companies.list(), json=json)
    if shown.json:
        return 0
    made = table("Company", "Website", "Runs", "Id", right=("Runs",), whole=("Id",))
    for one in found.companies:
        made.add_row(Text(clean(one.name)), Text(clean(one.website)), str(one.runs), one.id)
    shown.out.print(made if found.companies else "No companies yet. Start with: posthub run")
    return 0


def show(company: Company, json: Json = False) -> int:
    """Show a company, and how much is kept about it.

    Example:
      posthub companies show "Kavárna U Mlýna"
    """
    shown, found = _ask(lambda companies: companies.show(company), json=json)
    if not shown.json:
        _draw(shown, found)
    return 0


def export(
    company: Company,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The ZIP to write.")],
    json: Json = False,
) -> int:
    """Write all that is kept about a company into one ZIP.

    It has a JSON file for each table, the pictures, clips and packages, and an index.html that says what is what in the
    company's language.

    Example:
      posthub companies export "Kavárna U Mlýna" --out kavarna.zip
    """
    shown, found = _ask(lambda companies: companies.export(company, out.absolute()), json=json)
    if not shown.json:
        shown.out.print(f"{clean(found.archive)}: {found.rows} rows, {found.files} files", soft_wrap=True)
        for path in found.missing:
            shown.out.print(f"Not in the file store any more: {path}", soft_wrap=True)
    return 0


def delete(
    company: Company,
    yes: Annotated[bool, typer.Option("--yes", help="Delete it without asking.")] = False,
    json: Json = False,
) -> int:
    """Delete everything about a company for good: what was made, decided and bought for it, files, checkpoints.

    What it cost stays in the ledger, without its name. Packages that you let it write into folders of yours stay there.

    Examples:
      posthub companies delete "Kavárna U Mlýna"
      posthub companies delete "Kavárna U Mlýna" --yes --json
    """
    if not yes:
        _confirm(screen(json=json), company)
    shown, gone = _ask(lambda companies: companies.delete(company), json=json)
    if not shown.json:
        shown.out.print(f"{clean(company)} is deleted: {gone.rows} rows, {gone.files} files.", soft_wrap=True)
        for place in gone.left:
            shown.out.print(f"A package stays in {clean(place)}", soft_wrap=True)
    return 0


def _confirm(shown: Screen, company: str) -> None:
    if not shown.interactive:
        raise InvalidInput(
            "It asks before it deletes, and nobody is here to answer.", next_step="Give --yes."
        )
    _draw(shown, _ask(lambda companies: companies.show(company), json=False)[1])
    typer.confirm("Delete all of it for good?", abort=True, err=True)


def _draw(shown: Screen, found: CompanyShown) -> None:
    its = found.record
    shown.out.print(Text(f"{clean(its.name)}  {clean(its.website)}  {its.id}"), soft_wrap=True)
    for name, count in {**found.rows, "files": found.files}.items():
        shown.out.print(f"{count:>7}  {name}")


def _ask(asked: Callable[[Companies], Coroutine[Any, Any, T]], *, json: bool) -> tuple[Screen, T]:
    shown, settings = screen(json=json), read_settings()

    async def work() -> T:
        async with opened_services(shown, settings, buys=False) as services:
            return await asked(services.companies)

    found = run_async(work())
    if shown.json:
        print_json(shown, found.as_json())
    return shown, found
