"""Reads over one connection of psycopg's own, without SQLAlchemy and Alembic: they take seconds to import."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import RawCursor
from psycopg.rows import dict_row

from store.addresses import parse
from store.failures import driver_reported
from store.tenancy import USER, entering, role_of

_VERSIONS = Path(__file__).parent / "migrations" / "versions"

Reader = psycopg.Connection[dict[str, Any]]
"""A connection in autocommit; parameters are numbered (`store.statements`), rows are dictionaries."""


@contextmanager
def reader(uri: str) -> Iterator[Reader]:
    """Connect; blocks, so call it in a thread.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached, or went away in between.
    """
    address = parse(uri)
    with (
        driver_reported(uri),
        psycopg.Connection[dict[str, Any]].connect(
            address.libpq,
            autocommit=True,
            row_factory=dict_row,
            cursor_factory=RawCursor,
            **address.connect_args,
        ) as connection,
    ):
        yield connection


@contextmanager
def seen_by(connection: Reader, organization_id: str) -> Iterator[None]:
    """See an organization's rows alone while the block lasts.

    Raises:
        StoreUnavailable: Nothing would keep the database's user apart from those of others.
    """
    with connection.transaction():
        user = _user(connection)
        role = role_of(user["name"], bypasses=user["bypasses"], may=user["may"])
        connection.execute(entering(organization_id, role))
        yield


def check_bound(uri: str) -> None:
    """See to it that row level security binds the database's user, or will once the schema is there. Blocks.

    Raises:
        StoreUnavailable: It does not and will not: the message says what an administrator has to run.
    """
    with reader(uri) as connection:
        user = _user(connection)
        role_of(user["name"], bypasses=user["bypasses"], may=user["may"] or user["makes"])


def _user(connection: Reader) -> dict[str, Any]:
    user = connection.execute(USER).fetchone()
    assert user is not None, "whoever is connected is a role"
    return user


def newest_revision() -> str:
    """Return the revision of this release's schema, from the names of the migrations."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*.py"))


def is_current(connection: Reader) -> bool:
    """Whether the schema is this release's; what else it may be is for Alembic to find out."""
    try:
        rows = connection.execute("select version_num from alembic_version").fetchall()
    except psycopg.Error:
        return False
    return [row["version_num"] for row in rows] == [newest_revision()]


async def upgrade(uri: str) -> None:
    """Bring the schema to the newest version. Safe when several processes do it at once.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached, or its schema is newer than this program.
    """
    if await asyncio.to_thread(_has_current_schema, uri):
        return
    # Alembic takes a while to import and is needed by this alone.
    from store.migrations import to_newest

    await to_newest(uri)


def _has_current_schema(uri: str) -> bool:
    with reader(uri) as connection:
        return is_current(connection)
