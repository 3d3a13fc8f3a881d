"""Alembic, run by the program itself: no alembic.ini, and the address never passes through a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy import URL, Connection, NullPool, create_engine, text

from domain.errors import StoreUnavailable
from store.addresses import parse
from store.database import parse_uri, reported
from store.migrations.walls import raise_walls
from store.tenancy import AS_SYSTEM

FOLDER = Path(__file__).parent

_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(hashtextextended('posthub:migrations', 0))")


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, bound to an open connection."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    settings.attributes["connection"] = connection
    return settings


async def to_newest(uri: str) -> None:
    """Upgrade to the newest version. Raises as `store.reading.upgrade`."""
    async with reported(uri):
        await asyncio.to_thread(upgrade_blocking, parse_uri(uri), parse(uri).connect_args)


def upgrade_blocking(url: URL, connect_args: dict[str, Any]) -> None:
    """Upgrade to the newest version in one transaction; call it in a thread.

    Raises:
        StoreUnavailable: The schema was written by a newer program, or the database's user cannot be kept to rows.
        sqlalchemy.exc.DBAPIError: The server cannot be reached.
    """
    engine = create_engine(url, poolclass=NullPool, connect_args=connect_args)
    with engine.begin() as connection:
        connection.execute(_ONE_AT_A_TIME)
        connection.execute(text(AS_SYSTEM))
        try:
            command.upgrade(config(connection), "head")
        except CommandError as error:
            raise StoreUnavailable(
                f"The database's schema is not one that this version of PostHub knows: {error}.",
                next_step="Update PostHub, or use another database.",
            ) from error
        raise_walls(connection)


def new_revision(url: URL, message: str) -> Path:
    """Write a migration from what ``store/schema`` has and an upgraded database has not; returns its path."""
    engine = create_engine(url, poolclass=NullPool)
    number = len(versions()) + 1
    with engine.begin() as connection:
        script = command.revision(config(connection), message, autogenerate=True, rev_id=f"{number:04}")
    assert isinstance(script, Script)
    return Path(script.path)


def versions() -> list[Path]:
    """Return the migration files, oldest first."""
    return sorted((FOLDER / "versions").glob("[0-9]*.py"))
