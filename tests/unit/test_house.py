"""The house stays one to live in: rooms of one subject, files read in one go, imports where they are looked for."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["files"]
PRODUCT = [name for name in PACKAGES if name not in {"tests", "benchmarks"}]
FILES = sorted(
    path for name in PRODUCT for path in (ROOT / name).rglob("*.py") if "versions" not in path.parts
)

MOST_FILES_A_ROOM = 15
MOST_LINES_A_FILE = 350
MOST_LINES_OF_CLI = 3_910
MOST_IMPORTS_IN_FUNCTIONS = 20


def _lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def _imports_in_functions(path: Path) -> list[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(path.read_text("utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, functions)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return [f"{path.relative_to(ROOT)}:{node.lineno}" for node in inside]


def test_no_room_holds_more_files_than_a_newcomer_can_look_through() -> None:
    rooms = Counter(path.parent for path in FILES if path.name != "__init__.py")
    crowded = {str(room.relative_to(ROOT)): n for room, n in rooms.items() if n > MOST_FILES_A_ROOM}
    assert crowded == {}


@pytest.mark.parametrize("package", PRODUCT)
def test_every_file_is_read_in_one_go(package: str) -> None:
    long = {
        str(path.relative_to(ROOT)): _lines(path)
        for path in FILES
        if path.is_relative_to(ROOT / package) and _lines(path) > MOST_LINES_A_FILE
    }
    assert long == {}


def test_the_command_line_parses_and_draws_and_is_small_enough_to_do_nothing_else() -> None:
    assert sum(_lines(path) for path in FILES if path.is_relative_to(ROOT / "cli")) <= MOST_LINES_OF_CLI


def test_imports_stand_at_the_top_of_their_files() -> None:
    found = [place for path in FILES for place in _imports_in_functions(path)]
    assert len(found) <= MOST_IMPORTS_IN_FUNCTIONS, "\n".join(sorted(found))
