"""Failures of PostgreSQL in words a person can act on; knows psycopg alone, so that reading commands load little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from domain.errors import PostHubError, StorageFull, StoreUnavailable
from store.addresses import address, parse

_UNAVAILABLE = {
    "3D000": "the database does not exist",
    "28P01": "the password was refused",
    "28000": "the user was refused",
    "42501": "the user lacks the rights",
    "53300": "it has no connection left",
    "57P01": "it is being shut down",
    "57P02": "it crashed",
    "57P03": "it is starting up or shutting down",
}


def unavailable(uri: str, error: BaseException | None) -> PostHubError:
    """Turn a driver's failure into ours: what was tried, why it failed, what to do."""
    state = getattr(error, "sqlstate", None) or ""
    if state == "53100":
        return StorageFull(
            f"PostgreSQL at {address(uri)} has no disk space left.",
            next_step="Free space on its disk, then resume: what was saved is kept.",
        )
    reason = _UNAVAILABLE.get(state) or _first_line(uri, error)
    return StoreUnavailable(
        f"PostgreSQL does not serve us at {address(uri)}: {reason}.",
        next_step="Start it or correct DATABASE_URI (unset it to use the embedded one), then run again.",
    )


def _first_line(uri: str, error: BaseException | None) -> str:
    line = (str(error).strip().splitlines() or ["no answer"])[0]
    line = line.split(" failed: ")[-1].removeprefix("FATAL:").strip()[:300].rstrip(".")
    password = parse(uri).password
    return line.replace(password, "…") if password else line


def is_connection_failure(error: BaseException | None) -> bool:
    """Whether it is the server that failed, and not the statement."""
    state = getattr(error, "sqlstate", None) or ""
    if state:
        return state in _UNAVAILABLE or state.startswith("08") or state == "53100"
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


@contextmanager
def driver_reported(uri: str) -> Iterator[None]:
    """Report connection failures of psycopg inside as StoreUnavailable or StorageFull."""
    try:
        yield
    except psycopg.Error as error:
        if not is_connection_failure(error):
            raise
        raise unavailable(uri, error) from error
