from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from store.addresses import address, libpq_uri
from store.database import Database

SECRET = "hunter2"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_a_postgresql_address_is_taken(scheme: str) -> None:
    database = Database(f"{scheme}://u:p%40ss@db.example:5433/posthub?sslmode=require")
    assert database.uri == "postgresql://u:p%40ss@db.example:5433/posthub?sslmode=require"
    assert database.engine.url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize("uri", ["", "nonsense", f"mysql://u:{SECRET}@h/d", f"postgresql://u:{SECRET}@h:x/d"])
def test_an_address_of_something_else_is_refused_without_repeating_it(uri: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Database(uri)
    assert SECRET not in str(caught.value)
    assert "DATABASE_URI" in caught.value.next_step


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (f"postgresql://u:{SECRET}@db.example:5433/posthub", "db.example:5433, database posthub"),
        (f"postgresql://u:{SECRET}@db.example", "db.example:5432, database u"),
        ("postgresql://postgres@/x?host=%2Frun%2Fpg&port=5432", "/run/pg, database x"),
    ],
)
def test_an_address_is_shown_without_user_and_password(uri: str, shown: str) -> None:
    assert address(uri) == shown


def test_a_socket_folder_survives_the_way_to_libpq() -> None:
    uri = "postgresql://postgres@/postgres?host=%2Ftmp%2Fa%20b&port=5432"
    from psycopg.conninfo import conninfo_to_dict

    assert conninfo_to_dict(libpq_uri(uri))["host"] == "/tmp/a b"
