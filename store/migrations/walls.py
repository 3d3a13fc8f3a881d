"""Row level security of every table, from what ``store/schema`` says of it (ADR 0027).

Raised at the end of each upgrade, so that a new table is never without: a row is seen and written by a transaction of
its organization and by the installation's own; what is shared is seen by all. Forced: it binds the tables' owner too.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError

from store.schema import VIEWS, metadata
from store.schema.base import READABLE
from store.tenancy import ROLE, USER, no_role

_MINE = "nullif(current_setting('posthub.organization', true), '')"
_SYSTEM = "current_setting('posthub.system', true) = 'on'"
_KNOWN = text("select tablename, policyname from pg_policies where schemaname = current_schema()")


def policies(table: Table) -> Iterator[tuple[str, str]]:
    """Yield (name, what it allows) of each policy of a table; the second in SQL."""
    whose = "id" if table.name == "organizations" else "organization_id"
    if whose in table.columns:
        yield "own", f"using ({whose} = {_MINE})"
    if READABLE in table.info:
        yield "shared", f"for select using ({table.info[READABLE]})"
    yield "system", f"using ({_SYSTEM})"


def raise_walls(connection: Connection) -> None:
    """Give every table the policies that it lacks, and the role its rights where one is needed.

    Raises:
        StoreUnavailable: Row level security would not bind the database's user, and it may not make the role.
    """
    known = {tuple(row) for row in connection.execute(_KNOWN)}
    for table in metadata.tables.values():
        missing = [each for each in policies(table) if (table.name, each[0]) not in known]
        if missing:
            connection.execute(
                text(f"alter table {table.name} enable row level security, force row level security")
            )
        for name, allows in missing:
            connection.execute(text(f"create policy {name} on {table.name} {allows}"))
    for view in VIEWS:
        connection.execute(text(f"alter view {view} set (security_invoker = true)"))
    if _needs_role(connection):
        _grant(connection)


def _needs_role(connection: Connection) -> bool:
    user = connection.execute(text(USER)).one()
    if user.bypasses and not user.may:
        _make_role(connection, user.name)
    return bool(user.bypasses)


def _make_role(connection: Connection, user: str) -> None:
    name = connection.dialect.identifier_preparer.quote(user)
    for statement in (f"create role {ROLE} nologin", f"grant {ROLE} to {name}"):
        try:
            with connection.begin_nested():
                connection.execute(text(statement))
        except DBAPIError:
            pass  # another database's upgrade has just made it, or this user may not
    if not connection.execute(text(USER)).one().may:
        raise no_role(user)


def _grant(connection: Connection) -> None:
    schema = connection.dialect.identifier_preparer.quote(
        connection.execute(text("select current_schema()")).scalar_one()
    )
    for table in metadata.tables:
        connection.execute(text(f"grant select, insert, update, delete on {table} to {ROLE}"))
    connection.execute(text(f"grant select on {', '.join(VIEWS)} to {ROLE}"))
    connection.execute(text(f"grant usage on schema {schema} to {ROLE}"))
