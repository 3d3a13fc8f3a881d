"""The registry of providers: what each says, and that nothing else has to know its name."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from gateway.config import PURPOSES, ability_for
from gateway.providers.registry import providers
from runtime.settings import load

ROOT = Path(__file__).resolve().parents[2]
ROOMS = "cli runtime app graph nodes tools exports prompts gateway fetching store domain"
NAMES = (*providers(), "omni", "sonar", "claude", "gpt")
OWN_PLACE = "gateway/providers/"
NO_NAME = {"custom"}
"""An ordinary word: the provider of an operator's own server."""
ALLOWED = {"store/content/files.py": {"azure"}}
"""Where a word is not a provider's name: a place of files."""


def _words(path: Path) -> set[str]:
    """Identifiers and texts of a file, without its comments and docstrings."""
    source = path.read_text(encoding="utf-8")
    documented = {
        (node.body[0].lineno, node.body[0].col_offset)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    kinds = {tokenize.NAME, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = (token for token in tokens if token.type in kinds and token.start not in documented)
    return {word for token in found for word in re.findall(r"[a-z]+", token.string.lower())}


def _files() -> list[Path]:
    found = [path for room in ROOMS.split() for path in (ROOT / room).rglob("*.py")]
    return [path for path in found if not path.relative_to(ROOT).as_posix().startswith(OWN_PLACE)]


def test_no_providers_name_stands_outside_its_own_place() -> None:
    wanted = set(NAMES) - NO_NAME
    named = {
        path.relative_to(ROOT).as_posix(): words for path in _files() if (words := _words(path) & wanted)
    }
    assert named == ALLOWED


def test_a_provider_is_one_file_and_what_it_names_exists() -> None:
    for each in providers().values():
        media = [api.adapter for api in (*each.images, *each.videos)]
        text = [adapter for ways in each.adapters.values() for adapter in ways.values()]
        for adapter in (*media, *text):
            module, _, function = adapter.partition(":")
            source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
            assert f"\ndef {function}(" in source, adapter


def test_every_provider_says_what_it_does_and_where_its_figures_are_from() -> None:
    for each in providers().values():
        assert each.title and each.does and each.settings, each.name
        assert all("source" in facts for facts in each.models.values()), each.name
        assert each.profile is not None or "text" not in each.abilities, each.name


def test_reading_the_registry_imports_no_adapter() -> None:
    code = (
        "import sys; from gateway.providers.registry import providers; providers(); "
        "print(sorted({'litellm', 'google.genai', 'httpx', 'openai'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_purpose_has_a_model_and_its_provider_can_serve_it() -> None:
    models = load({}).models
    for purpose in PURPOSES:
        assert models.chains[purpose], purpose
        for model in models.chains[purpose]:
            assert ability_for(purpose) in providers()[model.provider].abilities


def test_every_setting_of_a_provider_is_documented() -> None:
    documented = (ROOT / "docs/reference/providers.md").read_text() + (
        ROOT / "docs/reference/settings.md"
    ).read_text()
    for each in providers().values():
        for setting in each.settings:
            assert f"`{setting}`" in documented, setting


def test_a_key_that_lies_in_many_an_environment_switches_nothing_on() -> None:
    assert not load({"OPENAI_API_KEY": "k", "AWS_ACCESS_KEY_ID": "a"}).has_provider_key


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"POSTHUB_CHAIN_TEXT": "openai/gpt-6-luna"}, ("OPENAI_API_KEY",)),
        ({"POSTHUB_CHAIN_TEXT": "azure/mine", "AZURE_API_KEY": "k"}, ("AZURE_API_BASE", "AZURE_API_VERSION")),
        ({"POSTHUB_CHAIN_TEXT": "custom/qwen"}, ("POSTHUB_OPENAI_COMPATIBLE_BASE_URL",)),
        ({"POSTHUB_CHAIN_TEXT": "ollama/llama4"}, ()),
    ],
)
def test_a_provider_that_a_chain_names_says_what_it_still_needs(
    environment: dict[str, str], missing: tuple[str, ...]
) -> None:
    name = environment["POSTHUB_CHAIN_TEXT"].partition("/")[0]
    configured = load(environment).providers[name]
    assert configured.missing == missing
    assert (configured.api_key is None) == bool(missing)


def test_the_secrets_of_a_provider_are_known_and_never_shown() -> None:
    settings = load(
        {
            "POSTHUB_CHAIN_TEXT": "bedrock/anthropic.claude-haiku-4-5",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "s3cret-key",
            "AWS_REGION_NAME": "eu-central-1",
        }
    )
    configured = settings.providers["bedrock"]
    assert set(configured.secrets) == {"AKIAEXAMPLE", "s3cret-key"}
    assert "s3cret-key" not in repr(settings)
    assert configured.options["aws_region_name"] == "eu-central-1"
