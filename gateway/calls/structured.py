"""Structured answers: read strictly, repaired where they can be, and told exactly what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, NoReturn, TypeVar

from json_repair import repair_json
from pydantic import ValidationError

from domain import steps
from domain.calls import Call, TextRequest
from domain.errors import BadOutput, InvalidInput, MoneyState
from domain.ids import canonical_json

T = TypeVar("T")

REPAIRED = "The answer was no valid JSON and was repaired."
ASKED_AGAIN = "The first answer did not fit and was asked for again."
OTHER_MODEL = "The first model's answers did not fit; another model answered."
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    value: T
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an answer cannot be used, one problem a line."""

    problems: tuple[str, ...]


def read(text: str, parse: Callable[[Any], T]) -> Parsed[T] | Unfit:
    """Read an answer as JSON, repair it where it is none, and parse it."""
    warnings: tuple[str, ...] = ()
    try:
        value = _strict(text)
    except (ValueError, RecursionError) as error:
        value, warnings = _repaired(text), (REPAIRED,)
        if not isinstance(value, dict | list):
            return Unfit((f"The answer is no JSON: {error}.",))
    try:
        return Parsed(parse(value), warnings)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        lines = (f"{'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in found)
        return Unfit(tuple(lines)[:_MOST_PROBLEMS])
    except (ValueError, TypeError, KeyError, InvalidInput, BadOutput) as error:
        return Unfit((f"{type(error).__name__}: {error}",))


def _strict(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _repaired(text: str) -> Any:
    try:
        return _strict(str(repair_json(text, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None


def ask_again(call: Call, request: TextRequest, text: str, unfit: Unfit) -> tuple[Call, TextRequest]:
    """Return the call and the request that ask once more, with the answer and what is wrong with it as data."""
    # Plain data without a word of instruction: the words of prompts belong to the templates.
    correction = canonical_json({"rejected_answer": text, "validation_errors": list(unfit.problems)})
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
