"""A template as a file: YAML front matter, then ``## system`` and ``## user``; reading and writing are exact."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml

from domain.errors import InvalidInput
from domain.ids import content_hash
from prompts.render import Template, compile_source

_PARTS = re.compile(r"\A\s*## system\n(?P<system>.*?)^## user\n(?P<user>.*)\Z", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"\A---\n(?P<front>.*?)^---\n(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,60}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_TEXTS = ("code", "name", "type", "language", "purpose")
_HEAD = (*_TEXTS, "temperature", "max_tokens")


@dataclass(frozen=True)
class TemplateFile:
    """One template as it was written.

    ``front_matter`` holds code, name, type, language, purpose, temperature (or null), max_tokens and variables:
    by name their type, description and example. ``body`` is all that follows it.
    """

    front_matter: Mapping[str, Any]
    body: str = field(repr=False)

    @property
    def code(self) -> str:
        return str(self.front_matter["code"])

    @property
    def language(self) -> str:
        return str(self.front_matter["language"])

    @property
    def purpose(self) -> str:
        return str(self.front_matter["purpose"])

    @property
    def temperature(self) -> float | None:
        value = self.front_matter["temperature"]
        return None if value is None else float(value)

    @property
    def max_tokens(self) -> int:
        return int(self.front_matter["max_tokens"])

    @property
    def variables(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.front_matter["variables"]
        return found

    @property
    def examples(self) -> dict[str, Any]:
        """An example value for every variable."""
        return {name: about["example"] for name, about in self.variables.items()}

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of front matter and body: two versions with the same hash ask the same."""
        return content_hash({"front_matter": dict(self.front_matter), "body": self.body})

    @cached_property
    def _compiled(self) -> tuple[Template, Template]:
        match = _PARTS.match(self.body)
        if not match:
            raise InvalidInput(
                f"The template {self.code} lacks its parts.",
                next_step="Write a line '## system', the system prompt, a line '## user', the user prompt.",
            )
        return compile_source(match["system"], self.variables), compile_source(match["user"], self.variables)

    def render(self, variables: Mapping[str, Any]) -> tuple[str, str]:
        """Return the system and the user prompt.

        Raises:
            InvalidInput: A variable is missing or no plain data, or the template cannot be rendered.
        """
        system, user = self._compiled
        return system(variables), user(variables)


def check(template: TemplateFile) -> TemplateFile:
    """Return a template that can be used: its front matter is whole and it renders with its examples.

    Raises:
        InvalidInput: It cannot be used; the message names the template and what is wrong.
    """
    front = template.front_matter
    missing = [name for name in (*_HEAD, "variables") if name not in front]
    if missing:
        raise _unusable(str(front.get("code", "?")), f"its front matter lacks {', '.join(missing)}")
    if not _CODE.fullmatch(template.code) or not _LANGUAGE.fullmatch(template.language):
        raise _unusable(
            template.code[:60], "its code or language is not written as PERSONA_GEN_V1 and cs are"
        )
    for name, about in template.variables.items():
        if not isinstance(about, dict) or not {"type", "description", "example"} <= set(about):
            raise _unusable(template.code, f"its variable {name} lacks a type, a description or an example")
    try:
        template.render(template.examples)
    except InvalidInput as error:
        raise InvalidInput(
            f"The template {template.code} ({template.language}) cannot be used. {error.message}",
            next_step=error.next_step,
            **error.details,
        ) from error
    return template


def parse(text: str) -> TemplateFile:
    """Read a template file.

    Raises:
        InvalidInput: It is not written as one; the message says what is wrong.
    """
    match = _FILE.match(text.replace("\r\n", "\n").removeprefix("\ufeff"))
    if not match:
        raise _unusable("file", "it does not begin with front matter between two lines of ---")
    try:
        front = yaml.safe_load(match["front"])
    except yaml.YAMLError as error:
        raise _unusable("file", f"its front matter is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(front, dict) or not isinstance(front.get("variables", {}), dict):
        raise _unusable("file", "its front matter is no list of fields")
    return check(TemplateFile(front, match["body"]))


def dump(template: TemplateFile) -> str:
    """Write a template as a file; `parse` of it gives the same template, and a shipped file the same bytes."""
    front = dict(template.front_matter)
    variables = front.pop("variables")
    head = {name: front.pop(name) for name in _HEAD} | front
    return f"---\n{_yaml(head)}{_yaml({'variables': variables})}---\n{template.body}"


class _Dumper(yaml.SafeDumper):
    """Writes every value where it stands, in one order: an anchor or an order of chance would not be exact."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(value: dict[str, Any]) -> str:
    """Variables are sorted, because the database keeps no order of fields."""
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys="variables" in value, width=110)


def shipped() -> Iterator[TemplateFile]:
    """Read the templates that come with the product, in order of code and language."""
    folders = sorted(files("prompts").joinpath("templates").iterdir(), key=lambda one: one.name)
    for folder in folders:
        if folder.is_dir():
            for file in sorted(folder.iterdir(), key=lambda one: one.name):
                if file.name.endswith(".md"):
                    yield parse(file.read_text(encoding="utf-8"))


def _unusable(code: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"The template {code} cannot be used: {why}.", next_step="Compare it with a shipped one."
    )
