"""``posthub keys``: with them members prove who they are."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from cli.commands.people.shared import ROLES, Whose, ask_books
from cli.options import Json
from cli.screen.output import table
from cli.screen.text import clean


def list_(organization: Whose = None, json: Json = False) -> int:
    """List the keys of an organization; the keys themselves are not kept.

    Example:
      posthub keys list --organization acme
    """
    shown, found = ask_books(lambda books: books.keyring(organization).list(), json=json)
    if shown.json:
        return 0
    made = table("Id", "Member", "Role", "For", "Made (UTC)", "Last used", "Revoked", whole=("Id",))
    for one in found.keys:
        its = one.record
        moments = map(_moment, (its.created_at, its.last_used_at, its.revoked_at))
        made.add_row(its.id, Text(clean(its.member)), its.role, Text(clean(its.name)), *moments)
    shown.out.print(made if found.keys else "No keys yet. Make one with: posthub keys create EMAIL")
    return 0


def create(
    member: Annotated[str, typer.Argument(metavar="EMAIL", help="The member who will ask with it.")],
    role: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help=f"The most that it may do: {ROLES}; without it, as the member."),
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    organization: Whose = None,
    json: Json = False,
) -> int:
    """Make a key for a member; it is shown now and never again.

    From the first key on, a server asks for one with every request.

    Examples:
      posthub keys create eva@acme.cz --organization acme
      posthub keys create jan@klient.cz --role viewer --name "read-only board" --organization acme
    """
    shown, made = ask_books(
        lambda books: books.keyring(organization).create(member, role=role, name=name), json=json
    )
    if not shown.json:
        shown.out.print(made.key.text, soft_wrap=True)
        shown.say(
            f"For {clean(made.member)}, as {made.role}. Keep it now, it is not shown again. "
            "Send it as the header x-api-key."
        )
    return 0


def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id; see `posthub keys list`.")],
    organization: Whose = None,
    json: Json = False,
) -> int:
    """Let a key count no more, from the next request on.

    Example:
      posthub keys revoke 5d41402abc4b --organization acme
    """
    shown, gone = ask_books(lambda books: books.keyring(organization).revoke(key), json=json)
    if not shown.json:
        shown.out.print(f"The key {gone.record.id} of {clean(gone.record.member)} counts no more.")
    return 0


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"
