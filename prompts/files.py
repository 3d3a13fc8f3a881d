"""A template as a file: YAML front matter, then ``## system`` and ``## user``; reading and writing are exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any

from domain.errors import InvalidInput
from domain.ids import content_hash
from prompts.front_matter import HEAD, dump_yaml, load_yaml, unusable, validate
from prompts.rendering.compiling import Template, compile_source
from store.text import storable_text

MAX_FILE = 200_000
"""Characters of a file: front matter with its examples, and both prompts."""

_PARTS = re.compile(r"\A\s*## system\n(?P<system>.*?)^## user\n(?P<user>.*)\Z", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"\A---\n(?P<front>.*?)^---\n(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class TemplateFile:
    """One template as it was written.

    ``front_matter`` holds code, name, type, language, purpose, temperature (or null), max_tokens and variables:
    by name their type, description and example; optionally output and cache_seconds. ``body`` is all that follows
    it, from line ``first_line`` of the file.
    """

    front_matter: Mapping[str, Any]
    body: str = field(repr=False)
    first_line: int = field(default=0, compare=False, repr=False)

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
    def output(self) -> str:
        """Which schema of the domain the answer has to fit; ``text`` where it is read as it comes."""
        return str(self.front_matter.get("output", "text"))

    @property
    def cache_seconds(self) -> int | None:
        """How long an answer to the very same request may be used again; None: as the gateway is configured."""
        value = self.front_matter.get("cache_seconds")
        return None if value is None else int(value)

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
    def parts(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The system and the user prompt, each with the line of the file on which it begins.

        Raises:
            InvalidInput: One of them is missing.
        """
        match = _PARTS.match(self.body)
        if not match:
            raise InvalidInput(
                f"The template {self.code} lacks its parts.",
                next_step="Write a line '## system', the system prompt, a line '## user', the user prompt.",
            )
        first = self.first_line or _front(self).count("\n") + 1
        system, user = (first + self.body[: match.start(part)].count("\n") for part in ("system", "user"))
        return (match["system"], system), (match["user"], user)

    @cached_property
    def _compiled(self) -> tuple[Template, Template]:
        (system, first), (user, then) = self.parts
        names = tuple(self.variables)
        return _compile(system, names, first), _compile(user, names, then)

    def render(self, variables: Mapping[str, Any]) -> tuple[str, str]:
        """Return the system and the user prompt; in this process, so only of texts that are trusted.

        Raises:
            InvalidInput: A variable is missing or no plain data, or the template cannot be rendered.
        """
        system, user = self._compiled
        return system(variables), user(variables)


@lru_cache(maxsize=512)
def _compile(source: str, names: tuple[str, ...], first_line: int) -> Template:
    """Compile once a process: the months of many companies use the same few templates."""
    return compile_source(source, names, first_line)


def check(template: TemplateFile) -> TemplateFile:
    """Return a trusted template that can be used: its front matter is whole and it renders with its examples.

    Raises:
        InvalidInput: It cannot be used; the message names the template and what is wrong.
    """
    validate(template.front_matter)
    try:
        template.render(template.examples)
    except InvalidInput as error:
        raise cannot_be_used(template, error) from error
    return template


def cannot_be_used(template: TemplateFile, error: InvalidInput) -> InvalidInput:
    """Say of which template an error is."""
    return InvalidInput(
        f"The template {template.code} ({template.language}) cannot be used. {error.message}",
        next_step=error.next_step,
        **error.details,
    )


def parse(text: str) -> TemplateFile:
    """Read the file of a trusted template and render it once.

    Raises:
        InvalidInput: It is not written as one; the message says what is wrong.
    """
    return check(read(text))


def read(text: str) -> TemplateFile:
    """Read a template file; nothing of it is executed. Whether it renders is not known yet.

    Raises:
        InvalidInput: It is not written as one; the message says what is wrong, and where.
    """
    if len(text) > MAX_FILE:
        raise unusable("file", f"it has {len(text)} characters, and {MAX_FILE} are allowed")
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    if storable_text(text) != text:
        raise unusable("file", "it has characters that cannot be stored (NUL or half a surrogate pair)")
    match = _FILE.match(text)
    if not match:
        raise unusable("file", "it does not begin with front matter between two lines of ---")
    front = load_yaml(match["front"])
    validate(front)
    return TemplateFile(front, match["body"], text[: match.start("body")].count("\n") + 1)


def dump(template: TemplateFile) -> str:
    """Write a template as a file; `read` of it gives the same template, and a shipped file the same bytes."""
    return _front(template) + template.body


def _front(template: TemplateFile) -> str:
    front = dict(template.front_matter)
    variables = front.pop("variables")
    head = {name: front.pop(name) for name in HEAD} | dict(sorted(front.items()))
    return f"---\n{dump_yaml(head)}{dump_yaml({'variables': variables})}---\n"


@cache
def shipped() -> tuple[TemplateFile, ...]:
    """Read the templates that come with the product, in order of code and language; once in a process."""
    found = files("prompts").joinpath("templates")
    paths = [file for folder in found.iterdir() if folder.is_dir() for file in folder.iterdir()]
    templates = (parse(path.read_text(encoding="utf-8")) for path in paths if path.name.endswith(".md"))
    return tuple(sorted(templates, key=lambda one: (one.code, one.language)))


@cache
def trusted_hashes() -> frozenset[str]:
    """The content hashes of what comes with this release: texts that are rendered in this very process."""
    return frozenset(template.content_hash for template in shipped())
