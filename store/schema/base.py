"""The one ``MetaData`` of the product and the columns that many tables share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Text, func

from domain.worlds import World

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
"""Names every constraint by rule, so that a migration can name what it drops."""

READABLE = "readable"
"""Key of a table's ``info``: in SQL, the rows that every organization may read and the installation writes."""


def created_at(name: str = "created_at") -> Column[datetime]:
    """A moment taken from the database's clock, so that processes on several machines agree."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def required_text(name: str) -> Column[str]:
    """A text column that is never NULL."""
    return Column(name, Text, nullable=False)


def one_of(column: str, words: type[StrEnum]) -> str:
    """Return the SQL that keeps a column to an enum's words."""
    return f"{column} in ({', '.join(repr(word.value) for word in words)})"


def of_world(*, primary_key: bool = False) -> Column[str]:
    """Says which of the two worlds a row is of; no statement mixes them (`domain.worlds`)."""
    check = CheckConstraint(one_of("world", World), name="world")
    return Column(
        "world", Text, check, primary_key=primary_key, nullable=False, server_default=World.REAL.value
    )
