"""Rendering of templates: sandboxed, strict, with plain data only and a bounded result.

What is written here bounds the result, not the time and the memory on the way to it: texts that do not come with
the product are rendered in a child process that has limits, see `prompts.rendering.renderer`.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, meta, nodes

from domain.errors import InvalidInput
from domain.text import nearest
from prompts.positions import Position, SyntaxErrorAt, of_name, parse
from prompts.rendering.environment import environment

MAX_OUTPUT = 400_000
"""Bytes of UTF-8 that one part of a prompt may have."""
MAX_SOURCE = 100_000
_MAX_DEPTH = 20

_GAPS = re.compile(r"\n{3,}")  # left by conditions that did not hold

Template = Callable[[Mapping[str, Any]], str]


def compile_source(source: str, variables: Iterable[str], first_line: int = 1) -> Template:
    """Compile a template's text once; what is returned renders it.

    Args:
        source: Jinja2.
        variables: The names that it may use.
        first_line: The line of the file on which the text begins, so that errors name the file's lines.

    Raises:
        InvalidInput: The text is too long, has a syntax error (its line and column are named), uses a filter, test
            or statement that is not allowed, or a variable that does not exist (the nearest one is named).
    """
    if len(source) > MAX_SOURCE:
        raise InvalidInput(
            f"The template has {len(source)} characters.", next_step=f"Use at most {MAX_SOURCE}."
        )
    text = _Text(source, first_line)
    try:
        tree = parse(environment, source)
        _refuse_statements(text, tree)
        used = meta.find_undeclared_variables(tree)
        _refuse_unknown(text, tree, used, tuple(variables))
        compiled = environment.from_string(tree)
    except SyntaxErrorAt as error:
        raise text.error(error.message, error.position) from error
    except TemplateSyntaxError as error:  # a filter or test that there is not
        message = error.message or "it cannot be compiled"
        raise text.error(message, of_name(source, _quoted(message), error.lineno)) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise InvalidInput("The template is nested too deeply.", next_step="Simplify it.") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        # Jinja2 works out what is constant while it compiles
        raise InvalidInput(f"The template cannot be compiled: {error}.", next_step="Correct it.") from error
    return lambda given: _render(text, compiled, used, given)


@dataclass(frozen=True, slots=True)
class _Text:
    """A template's text and the line of the file on which it begins."""

    source: str
    first_line: int

    def error(self, message: str, place: Position, **more: str) -> InvalidInput:
        line = place.line + self.first_line - 1
        step = more.get("next_step") or "Correct it and save it again."
        where = f"line {line}, column {place.column}"
        return InvalidInput(
            f"The template has an error on {where}: {message.rstrip('.')}.",
            next_step=step,
            line=line,
            column=place.column,
        )


def _refuse_statements(text: _Text, tree: nodes.Template) -> None:
    for kind in (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends):
        for found in tree.find_all(kind):
            word = "extends" if kind is nodes.Extends else "include" if kind is nodes.Include else "import"
            place = of_name(text.source, word, found.lineno)
            step = "Put the text into this template."
            raise text.error("it loads another template", place, next_step=step)


def _refuse_unknown(text: _Text, tree: nodes.Template, used: set[str], known: tuple[str, ...]) -> None:
    for name in sorted(used - set(known) - set(environment.globals)):
        lines = [node.lineno for node in tree.find_all(nodes.Name) if node.name == name]
        place = of_name(text.source, name, min(lines, default=1))
        raise text.error(f"the unknown variable {name!r}", place, next_step=_hint(name, known))


def _quoted(message: str) -> str:
    found = re.search(r"'([^']+)'", message)
    return found[1] if found else ""


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    meant = nearest(name, names)
    return f"Did you mean {meant!r}?" if meant else f"It may use {', '.join(names)}."


def _render(text: _Text, template: Any, used: set[str], given: Mapping[str, Any]) -> str:
    data = {name: plain(value, name) for name, value in given.items()}
    for name in sorted(used - set(data) - set(environment.globals)):
        raise InvalidInput(f"The variable {name!r} was not given.", next_step=_hint(name, data))
    try:
        return _bounded(template.generate(data))
    except RecursionError as error:
        raise InvalidInput("The template calls itself without an end.", next_step="Correct it.") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _failed(text, error) from error


def _failed(text: _Text, error: Exception) -> InvalidInput:
    """Say where rendering failed: Jinja2 puts the template's own lines into the traceback."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == "<template>" and frame.lineno
    ]
    step = "Correct the template or its variables."
    if not lines:
        return InvalidInput(f"The template cannot be rendered: {error}.", next_step=step)
    place = of_name(text.source, _quoted(str(error)), lines[-1])
    line = place.line + text.first_line - 1
    return InvalidInput(
        f"The template cannot be rendered on line {line}, column {place.column}: {str(error).rstrip('.')}.",
        next_step=step,
        line=line,
        column=place.column,
    )


def _bounded(chunks: Iterable[str]) -> str:
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk.encode("utf-8", "ignore"))
        if size > MAX_OUTPUT:
            raise InvalidInput(
                f"The rendered prompt has more than {MAX_OUTPUT // 1000} kB.",
                next_step="Shorten the template or what is put into it.",
            )
        parts.append(chunk)
    return _GAPS.sub("\n\n", "".join(parts)).strip()


def plain(value: Any, name: str, depth: int = 0) -> Any:
    """Copy plain data; anything else could carry methods into the template.

    Raises:
        InvalidInput: The value is or holds an object that is no text, number, boolean, None, list or dict.
    """
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"The variable {name!r} is nested too deeply.", next_step="Give flat data.")
    if value is None or type(value) in (str, int, float, bool):
        return value
    if type(value) in (list, tuple):
        return [plain(one, name, depth + 1) for one in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: plain(one, name, depth + 1) for key, one in value.items()}
    raise InvalidInput(
        f"The variable {name!r} holds a {type(value).__name__}, which is no plain data.",
        next_step="Give texts, numbers, booleans, lists and dicts with text keys only.",
    )
