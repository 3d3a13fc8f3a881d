"""PostgreSQL's address, as people write it, libpq reads it and nobody sees its password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, unquote

from domain.errors import InvalidInput

CONNECT_SECONDS = 10
_SCHEMES = {"postgresql", "postgres"}
_PARTS = re.compile(
    r"(?P<scheme>[\w+]+)://(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:(?:\[(?P<six>[^/?]+)\]|(?P<host>[^/:?]+))?(?::(?P<port>[^/?]*))?)?"
    r"(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address, without their escapes; what is not given is None."""

    user: str | None
    password: str | None
    host: str | None
    port: int | None
    database: str | None
    query: Mapping[str, tuple[str, ...]]

    @property
    def libpq(self) -> str:
        """As libpq and psycopg read it (``postgresql://…``)."""
        login = "" if self.user is None else f"{_quoted(self.user)}{self._password}@"
        host = f"[{self.host}]" if ":" in (self.host or "") else self.host or ""
        port = "" if self.port is None else f":{self.port}"
        database = "" if self.database is None else f"/{quote(self.database, safe=' +/')}"
        pairs = [
            f"{quote_plus(name)}={quote_plus(one)}" for name in sorted(self.query) for one in self.query[name]
        ]
        # libpq takes a plus sign for itself, not for a space
        query = "?" + "&".join(pairs).replace("+", "%20") if pairs else ""
        return f"postgresql://{login}{host}{port}{database}{query}"

    @property
    def _password(self) -> str:
        return "" if self.password is None else f":{_quoted(self.password)}"

    @property
    def shown(self) -> str:
        """What can be shown of it: host and port or socket folder, and the database."""
        host = self._asked("host") or self.host or "localhost"
        port = self._asked("port") or self.port or 5432
        place = host if host.startswith("/") else f"{host}:{port}"
        return f"{place}, database {self.database or self.user or 'postgres'}"

    def _asked(self, name: str) -> str:
        return ",".join(self.query.get(name, ()))

    @property
    def connect_args(self) -> dict[str, Any]:
        """What psycopg is told beside the address."""
        return {} if "connect_timeout" in self.query else {"connect_timeout": CONNECT_SECONDS}


def _quoted(text: str) -> str:
    return quote(text, safe=" +")


def parse(uri: str) -> Address:
    """Read a PostgreSQL address; SQLAlchemy's spelling of the scheme (``postgresql+psycopg``) is taken too.

    Raises:
        InvalidInput: It is no PostgreSQL address. The message never repeats it: it may hold a password.
    """
    found = _PARTS.match(uri.strip())
    if found is None or found["scheme"].split("+")[0] not in _SCHEMES:
        raise _not_postgres()
    try:
        port = None if found["port"] is None else int(found["port"])
    except ValueError as error:
        raise _not_postgres() from error
    user, password, database = (
        None if found[part] is None else unquote(found[part]) for part in ("user", "password", "database")
    )
    query = {name: tuple(values) for name, values in parse_qs(found["query"] or "").items()}
    return Address(user, password, found["host"] or found["six"], port, database, query)


def _not_postgres() -> InvalidInput:
    return InvalidInput(
        "The database address is not one of PostgreSQL.",
        next_step="Set DATABASE_URI to postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
    )


def libpq_uri(uri: str) -> str:
    """Return the address as libpq and psycopg read it (``postgresql://…``)."""
    return parse(uri).libpq


def address(uri: str) -> str:
    """Return what can be shown of an address: host and port or socket folder, and the database."""
    return parse(uri).shown
