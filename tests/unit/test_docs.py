"""What the documents name exists: commands, make targets, files and settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cli.main import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}

_POSTHUB = re.compile(r"(?:^|[`/ ])posthub ((?:[a-z]+)(?: [a-z]+)?)([^`\n|]*)")
_MAKE = re.compile(r"(?:^|`)make ([a-z]+)", re.MULTILINE)
_LINK = re.compile(r"\]\(((?!https?:)[^)#]+)\)")
_PATH = re.compile(
    r"`((?:cli|runtime|app|graph|nodes|tools|prompts|gateway|store|domain|sandbox|docs|tests)/[\w./]*)`"
)


def command(words: str) -> Any:
    found: Any = app
    for word in words.split():
        inner = getattr(found, "commands", None)
        if not inner:
            break
        if word not in inner:
            return None
        found = inner[word]
    return found


def cases(pattern: re.Pattern[str]) -> list[tuple[str, ...]]:
    return sorted(
        {(name, *match) for name, text in TEXT.items() for match in map(_tuple, pattern.findall(text))}
    )


def _tuple(found: str | tuple[str, ...]) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else found


@pytest.mark.parametrize(("document", "words", "rest"), cases(_POSTHUB))
def test_every_posthub_command_in_the_documents_exists_with_its_options(
    document: str, words: str, rest: str
) -> None:
    found = command(words) or command(words.split()[0])
    assert found is not None, f"{document} names posthub {words}"
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert set(re.findall(r"--[a-z-]+", rest)) <= known | {"--help"}


@pytest.mark.parametrize(("document", "target"), cases(_MAKE))
def test_every_make_target_in_the_documents_exists(document: str, target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), (
        f"{document} names make {target}"
    )


@pytest.mark.parametrize(("document", "link"), cases(_LINK))
def test_every_link_between_documents_leads_somewhere(document: str, link: str) -> None:
    assert ((ROOT / document).parent / link).exists()


@pytest.mark.parametrize(("document", "path"), cases(_PATH))
def test_every_place_in_the_code_that_the_documents_name_exists(document: str, path: str) -> None:
    assert (ROOT / path).exists()


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    code = (ROOT / "runtime" / "settings.py").read_text()
    read = set(re.findall(r'"((?:POSTHUB|DATABASE|REDIS)_[A-Z_]+)"', code))
    documented = set(
        re.findall(r"`((?:POSTHUB|DATABASE|REDIS)_[A-Z_]+)`", TEXT["docs/reference/settings.md"])
    )
    documented = {re.sub("^POSTHUB_CHAIN_.*", "POSTHUB_CHAIN_", name) for name in documented}
    assert documented - {"POSTHUB_DATABASE_URI", "POSTHUB_REDIS_URI"} == read
