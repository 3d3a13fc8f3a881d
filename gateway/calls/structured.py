"""Structured answers: read strictly, repaired where they can be, and told exactly what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, NoReturn, TypeVar

from json_repair import repair_json
from pydantic import ValidationError

from domain import steps
from domain.calls import Call, TextRequest
from domain.content.damage import THOUGHT, mend, without_thinking
from domain.errors import BadOutput, InvalidInput, MoneyState
from domain.ids import canonical_json

T = TypeVar("T")

REPAIRED = "The answer was no valid JSON and was repaired."
ASKED_AGAIN = "The first answer did not fit and was asked for again."
FEWER_RULES = "The provider refused the schema; it was asked with a simpler one, and code checked the answer."
BY_WORDS = "The provider refused the schema; it was asked without one, and code checked the answer."
OTHER_MODEL = "The first model's answers did not fit; another model answered."
_MOST_PROBLEMS = 20
_BOUNDS = frozenset({
    "minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minLength", "maxLength", "pattern", "format",
    "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minProperties", "maxProperties",
})  # fmt: skip
_BY_NAME = frozenset({"properties", "$defs", "definitions"})
_VALUES = frozenset({"default", "const", "examples", "required"})


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    value: T
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an answer cannot be used, one problem a line."""

    problems: tuple[str, ...]


def read(text: str, parse: Callable[[Any], T]) -> Parsed[T] | Unfit:
    """Read an answer as JSON, repair it where it is none, mend what is damaged for certain, and parse it."""
    said, thought = without_thinking(text)
    warnings: tuple[str, ...] = (THOUGHT,) if thought else ()
    try:
        value = _strict(said)
    except (ValueError, RecursionError) as error:
        value, warnings = _repaired(said), (*warnings, REPAIRED)
        if not isinstance(value, dict | list):
            return Unfit((f"The answer is no JSON: {error}.",))
    mended = mend(value)
    if mended.damage:
        return Unfit(mended.damage)
    try:
        return Parsed(parse(mended.value), (*warnings, *mended.restored))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        lines = (f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in found)
        return Unfit(tuple(lines)[:_MOST_PROBLEMS])
    except (ValueError, TypeError, KeyError, InvalidInput, BadOutput) as error:
        return Unfit((f"{type(error).__name__}: {error}",))


def read_plain(text: str) -> Parsed[str] | Unfit:
    """Read an answer that is a text, with what is damaged for certain restored."""
    mended = mend(text)
    if mended.damage:
        return Unfit(mended.damage)
    if not mended.value.strip():
        return Unfit(("Nothing is left of the answer but the model's thinking.",))
    return Parsed(mended.value, mended.restored)


def _strict(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _repaired(text: str) -> Any:
    try:
        return _strict(str(repair_json(text, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None


def simpler(request: TextRequest) -> tuple[TextRequest, str] | None:
    """Return what is asked of a provider that refuses the schema, and the warning that goes with it.

    First the same shape without bounds, patterns and choices, which are what grammars grow by; then no schema at all,
    and the shape as data behind the prompt. None where there is nothing left to leave out.
    """
    if request.schema is None:
        return None
    bare = without_bounds(request.schema)
    if bare != request.schema:
        return replace(request, schema=bare), FEWER_RULES
    told = canonical_json({"json_schema": dict(request.schema)})
    return replace(request, schema=None, prompt=f"{request.prompt}\n\n{told}"), BY_WORDS


def without_bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with its shape alone: types, properties and what is required."""
    kept = {key: _bare(key, value) for key, value in schema.items() if key not in _BOUNDS}
    if "enum" in schema and "type" not in schema and all(isinstance(each, str) for each in schema["enum"]):
        kept["type"] = "string"
    return kept


def _bare(key: str, value: Any) -> Any:
    if key in _BY_NAME and isinstance(value, Mapping):
        return {name: _bare("", each) for name, each in value.items()}
    if isinstance(value, Mapping) and key not in _VALUES:
        return without_bounds(value)
    return [_bare("", each) for each in value] if isinstance(value, list) and key not in _VALUES else value


def ask_again(call: Call, request: TextRequest, text: str, unfit: Unfit) -> tuple[Call, TextRequest]:
    """Return the call and the request that ask once more, with the answer and what is wrong with it as data."""
    # Plain data without a word of instruction: the words of prompts belong to the templates.
    shown = text.encode(
        "utf-8", "backslashreplace"
    ).decode()  # what no request can carry is told as what it is
    correction = canonical_json({"rejected_answer": shown, "validation_errors": list(unfit.problems)})
    return replace(call, step=steps.ask_again(call.step)), replace(
        request, prompt=f"{request.prompt}\n\n{correction}"
    )


def unusable(text: str, unfit: Unfit, provider: str, *, replayed: bool = False) -> BadOutput:
    """Build the failure of an answer that did not fit twice; the raw text is kept in its details."""
    return BadOutput(
        f"{provider}'s answer does not fit, nor did those before it: {unfit.problems[0].rstrip('.')}.",
        next_step="Have the item made anew, or loosen the template; the raw answer is kept.",
        money=MoneyState.SPENT,
        provider=provider,
        problems=list(unfit.problems),
        raw=text,
        replayed=replayed,
    )
