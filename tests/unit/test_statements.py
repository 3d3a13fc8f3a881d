"""SQL stands in the store and nowhere else, each statement under a name that is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.statements import FILE, Statements, by_position, parse

ROOT = Path(__file__).parents[2]
ROOMS = sorted(path.parent for path in (ROOT / "store").rglob(FILE))
ABOVE = [
    path
    for room in (
        "cli",
        "app",
        "web",
        "runtime",
        "graph",
        "nodes",
        "tools",
        "exports",
        "prompts",
        "gateway",
        "fetching",
        "domain",
    )
    for path in sorted((ROOT / room).rglob("*.py"))
]
_SQL = re.compile(
    r"^\s*(?:select\b.+\bfrom\s+\w|with\s+\w+\s+as\s*\(|insert\s+into\s+\w|delete\s+from\s+\w"
    r"|update\s+\w+\s+(?:\w+\s+)?set\s+\w)",
    re.IGNORECASE | re.DOTALL,
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def test_no_sql_stands_outside_the_store() -> None:
    assert len(ABOVE) > 100
    assert [
        f"{path.relative_to(ROOT)}:{line}" for path in ABOVE for line, text in texts(path) if _SQL.match(text)
    ] == []


def test_nobody_above_the_store_imports_a_driver_or_an_sql_toolkit() -> None:
    imports = re.compile(r"^\s*(?:from|import) (?:sqlalchemy|psycopg|psycopg_pool)\b", re.MULTILINE)
    assert [str(path.relative_to(ROOT)) for path in ABOVE if imports.search(path.read_text())] == []


@pytest.mark.parametrize(
    "text",
    [
        "select id from jobs",
        "INSERT INTO jobs (id)",
        "update jobs set id = 1",
        "with a as (select 1) select * from a",
        "delete from jobs",
    ],
)
def test_the_scan_knows_sql_when_it_sees_it(text: str) -> None:
    assert _SQL.match(text)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_every_named_statement_is_used_in_its_room_and_says_what_it_is_for(room: Path) -> None:
    statements = Statements(".".join(room.relative_to(ROOT).parts)).all
    source = "".join(path.read_text(encoding="utf-8") for path in room.glob("*.py"))
    assert statements
    assert [name for name in statements if f'"{name}"' not in source] == []
    assert all(each.about.endswith(".") for each in statements.values())


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_every_statement_that_code_asks_for_stands_in_its_rooms_file(room: Path) -> None:
    statements = Statements(".".join(room.relative_to(ROOT).parts)).all
    asked = {
        name
        for path in room.glob("*.py")
        for name in re.findall(
            r"\bsql(?:\.numbered|\.named)?\(\s*\"([a-z0-9_]+)\"", path.read_text(encoding="utf-8")
        )
    }
    assert asked == set(statements)


def test_a_statement_ends_where_the_next_begins() -> None:
    first, second = parse(
        "-- one: The first.\nselect 1;\n\n-- two: The second.\nselect :a::text,\n       :ab;\n"
    )
    assert (first.name, first.about, first.sql) == ("one", "The first.", "select 1")
    assert second.sql == "select :a::text,\n       :ab"


def test_parameters_are_numbered_by_name_and_casts_are_left_alone() -> None:
    assert by_position("select :a::text, :ab, :a", "a", "ab") == "select $1::text, $2, $1"
