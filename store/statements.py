"""Hand-written SQL under names: each room keeps its statements in ``queries.sql`` beside the code that runs them.

    -- budget: What a month's budget is, and what is held and spent of it.
    select … where organization_id = :organization_id;

A head line gives the name and says in one line what the statement is for; it ends with the next head. Parameters
are written ``:name`` everywhere. A statement that is put together of fragments stays in Python, named in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import TextClause

FILE = "queries.sql"
_HEAD = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*): (?P<about>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """One statement with its name and what it is for."""

    name: str
    about: str
    sql: str


class Statements:
    """The statements of a package, by name.

    Args:
        package: Where ``queries.sql`` lies, such as ``store.money``.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._made: dict[str, TextClause] = {}

    @cached_property
    def all(self) -> Mapping[str, Statement]:
        """Every statement; the file is read when the first of them is asked for."""
        source = files(self._package).joinpath(FILE).read_text(encoding="utf-8")
        return {each.name: each for each in parse(source)}

    def __call__(self, name: str) -> TextClause:
        """Return a statement for a SQLAlchemy connection."""
        from sqlalchemy import text  # settings and help read rooms of the store that ask no statement

        if name not in self._made:
            self._made[name] = text(self.all[name].sql)
        return self._made[name]

    def numbered(self, name: str, *parameters: str) -> str:
        """Return a statement for `Database.rows`: the first of the parameters becomes ``$1``."""
        return by_position(self.all[name].sql, *parameters)

    def named(self, name: str) -> str:
        """Return a statement for a cursor of psycopg's own: ``:name`` becomes ``%(name)s``."""
        return re.sub(r"(?<!:):([a-z_]+)\b", r"%(\1)s", self.all[name].sql)


def parse(source: str) -> Iterator[Statement]:
    """Read a file of statements."""
    heads = list(_HEAD.finditer(source))
    ends = [head.start() for head in heads[1:]] + [len(source)]
    for head, end in zip(heads, ends, strict=True):
        yield Statement(head["name"], head["about"], source[head.end() : end].strip().rstrip(";"))


def by_position(statement: str, *names: str) -> str:
    """Number a statement's parameters as PostgreSQL does: the first name becomes ``$1``."""
    for number, name in enumerate(names, 1):
        statement = re.sub(rf"(?<!:):{name}\b", f"${number}", statement)
    return statement
