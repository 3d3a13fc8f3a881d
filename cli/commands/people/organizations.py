"""``posthub organizations``: who pays, and what they may use."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from cli.commands.people.shared import ask_books
from cli.options import Json
from cli.screen.output import table
from cli.screen.text import clean

Name = Annotated[str, typer.Argument(metavar="NAME", help="The organization.")]
_TIERS = "basic, pro (with images) or ultimate (with video)"


def list_(json: Json = False) -> int:
    """List the organizations of this installation.

    Example:
      posthub organizations list
    """
    shown, found = ask_books(lambda books: books.organizations.list(), json=json)
    if shown.json:
        return 0
    made = table("Organization", "Tier", "Companies", "Members", right=("Companies", "Members"))
    for one in found.organizations:
        made.add_row(Text(clean(one.id)), one.tier or "by the month", str(one.companies), str(one.members))
    shown.out.print(made if found.organizations else "No organizations yet.")
    return 0


def create(
    name: Name, tier: Annotated[str, typer.Option(metavar="TIER", help=f"{_TIERS}.")], json: Json = False
) -> int:
    """Make an organization on a tier.

    Example:
      posthub organizations create acme --tier pro
    """
    shown, made = ask_books(lambda books: books.organizations.create(name, tier), json=json)
    if not shown.json:
        shown.out.print(Text(f"{clean(made.organization)} is on the tier {made.tier}."))
    return 0


def set_tier(
    name: Name,
    tier: Annotated[str, typer.Argument(metavar="TIER", help=f"{_TIERS}.")],
    json: Json = False,
) -> int:
    """Put an organization on a tier; months that were started keep theirs.

    From then on no month of it can ask for another one.

    Example:
      posthub organizations set-tier acme ultimate
    """
    shown, put = ask_books(lambda books: books.organizations.set_tier(name, tier), json=json)
    if not shown.json:
        shown.out.print(Text(f"{clean(put.organization)} is on the tier {put.tier}."))
    return 0
