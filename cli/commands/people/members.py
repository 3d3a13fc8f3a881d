"""``posthub members``: who works for an organization."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from app.people.members import Member
from cli.commands.people.shared import ROLES, Email, Whose, ask_books
from cli.options import Json
from cli.screen.output import table
from cli.screen.terminal import Screen
from cli.screen.text import clean

Role = Annotated[str, typer.Option(metavar="ROLE", help=f"{ROLES}.")]


def list_(organization: Whose = None, json: Json = False) -> int:
    """List the members of an organization.

    Example:
      posthub members list --organization acme
    """
    shown, found = ask_books(lambda books: books.staff(organization).list(), json=json)
    if shown.json:
        return 0
    made = table("Name", "E-mail", "Role")
    for one in found.members:
        made.add_row(Text(clean(one.record.name)), Text(clean(one.record.email)), one.record.role)
    shown.out.print(made if found.members else "No members yet. Add one with: posthub members add")
    return 0


def add(
    email: Email,
    name: Annotated[str, typer.Option(metavar="NAME", help="As it stands in every decision.")],
    role: Role = "viewer",
    organization: Whose = None,
    json: Json = False,
) -> int:
    """Make somebody a member of an organization.

    Examples:
      posthub members add eva@acme.cz --name "Eva Nová" --role owner --organization acme
      posthub members add jan@klient.cz --name "Jan Klient" --role approver --organization acme
    """
    asked = ask_books(
        lambda books: books.staff(organization).add(name=name, email=email, role=role), json=json
    )
    return _say(*asked)


def set_role(
    email: Email,
    role: Role,
    organization: Whose = None,
    json: Json = False,
) -> int:
    """Give a member another role; the member's keys may do no more from now on.

    Example:
      posthub members set-role eva@acme.cz --role editor --organization acme
    """
    return _say(*ask_books(lambda books: books.staff(organization).set_role(email, role), json=json))


def remove(email: Email, organization: Whose = None, json: Json = False) -> int:
    """Forget a member, and the member's keys; what was decided keeps the name.

    Example:
      posthub members remove eva@acme.cz --organization acme
    """
    shown, gone = ask_books(lambda books: books.staff(organization).remove(email), json=json)
    if not shown.json:
        shown.out.print(
            Text(f"{clean(gone.record.email)} is no member of {gone.record.organization_id} now.")
        )
    return 0


def _say(shown: Screen, member: Member) -> int:
    if not shown.json:
        its = member.record
        shown.out.print(
            Text(f"{clean(its.name)} <{clean(its.email)}> is {its.role} of {its.organization_id}.")
        )
    return 0
