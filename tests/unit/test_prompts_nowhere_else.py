"""Prompts are editors' data: a sentence for a model in code could not be changed without a deploy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["nodes", "gateway", "graph", "tools", "exports", "runtime", "prompts"]
SPEAK_CZECH = {"tools"}
"""Examples of arguments may be Czech sentences."""
ORDERS = re.compile(
    r"\b(?:You are (?:an?|the)|Act as|Your task is|Respond (?:only )?(?:with|in)"
    r"|Jsi (?:zkušen|expert|odborn|copy|autor|red)|Tvým úkolem|Tvoje role"
    r"|Odpověz (?:pouze|jen)|Napiš (?:článek|příspěvek|text))",
    re.IGNORECASE,
)
CZECH_SENTENCE = re.compile(r"(?:\b\w+\b[ ,.:„“]+){5,}", re.UNICODE)
CZECH_LETTERS = re.compile(r"[ěščřžůťďňĚŠČŘŽŮŤĎŇ]")


def _docstrings(tree: ast.AST) -> set[int]:
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, owners) and node.body]
    return {id(statement.value) for body in bodies for statement in body if isinstance(statement, ast.Expr)}


def prompt_texts(source: str, *, czech: bool = False) -> list[str]:
    """Return the strings of a program, docstrings aside, that read like words for a model."""
    tree = ast.parse(source)
    docstrings = _docstrings(tree)
    strings = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    )
    return [text for text in strings if ORDERS.search(text) or (not czech and _is_czech_prose(text))]


def _is_czech_prose(text: str) -> bool:
    return bool(CZECH_LETTERS.search(text) and CZECH_SENTENCE.search(text))


def _programs() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", list(_programs()), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_prompt_text_stands_in_code(path: Path) -> None:
    czech = path.relative_to(ROOT).parts[0] in SPEAK_CZECH
    assert prompt_texts(path.read_text(encoding="utf-8"), czech=czech) == []


@pytest.mark.parametrize(
    "source",
    [
        'PROMPT = "You are a helpful copywriter."',
        'f"Jsi zkušený autor firmy {name}."',
        'ask("Piš jen o tom, co firma opravdu dělá a umí.")',
        'x = """\nNapiš článek\n"""',
    ],
)
def test_the_search_finds_a_prompt(source: str) -> None:
    assert prompt_texts(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""You are the reader: docstrings may say so."""',
        'LABEL = "Časté otázky"',
        'raise ValueError("The article has no words.")',
        'CODE = "BLOGPOST_GEN_V1"',
    ],
)
def test_the_search_leaves_labels_errors_and_docstrings_alone(source: str) -> None:
    assert prompt_texts(source) == []
