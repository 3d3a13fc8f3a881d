"""Rendering of templates: sandboxed, strict, with plain data only and a bounded result.

Templates are editors' data, so the sandbox offers less than Jinja2 does: a short list of filters, methods and
globals, none of which makes much out of little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.errors import InvalidInput
from domain.text import nearest
from prompts.fencing import fence, line

MAX_OUTPUT = 400_000
"""Bytes of UTF-8 that one part of a prompt may have."""
MAX_SOURCE = 100_000
MAX_RANGE = 1_000
_MAX_DEPTH = 20

_GAPS = re.compile(r"\n{3,}")  # left by conditions that did not hold

_FILTERS = """
    capitalize count d default dictsort first float int items join last length list lower map reject rejectattr
    replace round select selectattr sort string sum title tojson trim truncate unique upper wordcount
"""
_TESTS = """
    boolean defined divisibleby eq equalto even false float ge gt greaterthan in integer iterable le lessthan
    lower lt mapping ne none number odd sequence string true undefined upper
"""
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(("capitalize", "endswith", "lower", "startswith", "strip", "title", "upper")),
    dict: frozenset(("get", "items", "keys", "values")),
    list: frozenset(("count", "index")),
}


class _Missing(StrictUndefined):
    """Names the nearest field of the object that lacks one."""

    @property
    def _undefined_message(self) -> str:
        owner, name = self._undefined_obj, str(self._undefined_name)
        if self._undefined_hint or not isinstance(owner, dict):
            return super()._undefined_message
        known = [str(key) for key in owner]
        meant = nearest(name, known)
        return f"there is no field {name!r}" + (f"; did you mean {meant!r}?" if meant else "")


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(undefined=_Missing, trim_blocks=True, lstrip_blocks=True, autoescape=False)
        self.filters = {name: one for name, one in self.filters.items() if name in _FILTERS.split()}
        self.filters |= {"fence": fence, "line": line}
        self.tests = {name: one for name, one in self.tests.items() if name in _TESTS.split()}
        self.globals = {"range": _range}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Repetition, powers and formatting make much out of little: numbers may be multiplied, that is all."""
        numbers = all(isinstance(one, int | float) for one in (left, right))
        if operator == "**" or not numbers:
            raise SecurityError(f"the operator {operator} is not allowed on these values")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of the data goes before a method of dict: ``company_dna.values`` is meant as it reads."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str | dict | list) and callable(value):
            return attr in _METHODS.get(type(obj), frozenset())
        return super().is_safe_attribute(obj, attr, value)


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"range() gives at most {MAX_RANGE} numbers")
    return numbers


_environment = _Environment()

Template = Callable[[Mapping[str, Any]], str]


def compile_source(source: str, variables: Iterable[str]) -> Template:
    """Compile a template's text once; what is returned renders it.

    Args:
        source: Jinja2.
        variables: The names that it may use.

    Raises:
        InvalidInput: The text is too long, has a syntax error (its line is named), uses a filter, test or
            statement that is not allowed, or a variable that does not exist (the nearest one is named).
    """
    if len(source) > MAX_SOURCE:
        raise InvalidInput(
            f"The template has {len(source)} characters.", next_step=f"Use at most {MAX_SOURCE}."
        )
    try:
        tree = _environment.parse(source)
        used = meta.find_undeclared_variables(tree)
        _refuse_unknown(tree, used, tuple(variables))
        compiled = _environment.from_string(tree)
    except TemplateSyntaxError as error:
        raise InvalidInput(
            f"The template has an error on line {error.lineno}: {error.message}.",
            next_step="Correct it and save it again.",
            line=error.lineno,
        ) from error
    return lambda given: _render(compiled, used, given)


def _refuse_unknown(tree: nodes.Template, used: set[str], known: tuple[str, ...]) -> None:
    for kind in (nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends):
        for found in tree.find_all(kind):
            raise InvalidInput(
                f"The template loads another one on line {found.lineno}.",
                next_step="Put the text into this template.",
            )
    for name in sorted(used - set(known) - set(_environment.globals)):
        raise InvalidInput(f"The template uses the unknown variable {name!r}.", next_step=_hint(name, known))


def _hint(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    meant = nearest(name, names)
    return f"Did you mean {meant!r}?" if meant else f"It may use {', '.join(names)}."


def _render(template: Any, used: set[str], given: Mapping[str, Any]) -> str:
    data = {name: plain(value, name) for name, value in given.items()}
    for name in sorted(used - set(data) - set(_environment.globals)):
        raise InvalidInput(f"The variable {name!r} was not given.", next_step=_hint(name, data))
    try:
        return _bounded(template.generate(data))
    except RecursionError as error:
        raise InvalidInput("The template calls itself without an end.", next_step="Correct it.") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise InvalidInput(
            f"The template cannot be rendered: {error}.", next_step="Correct the template or its variables."
        ) from error


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
