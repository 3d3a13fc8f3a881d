"""Edits: which fields of an item a person changed, read as forms send them.

Tools that show an item return all of its fields: those that were typed over as text, lists and objects too, the others
as they were. So what came back as it was shown is no change, text is read as JSON where a list, an object or a number
belongs, and what cannot be edited, or does not exist, is refused and never passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from domain.errors import InvalidInput

FIXED: Mapping[str, Mapping[str, str]] = {
    "dna": {"sources": "they are the pages that were read"},
    "personas": {},
    "topics": {"item": "it is the topic's place in the plan"},
    "posts": {"wordCount": "it is counted", "findings": "they are found in the text"},
    "packages": {"title": "it is the article's", "assets": "reject their part to have it made again"},
}
"""By review point: what is shown of an item and cannot be edited, and why."""

_OPENS_JSON = ("[", "{")

Schema = Mapping[str, Any]


def changes(
    given: Mapping[str, Any], shown: Mapping[str, Any], schema: Schema, fixed: Mapping[str, str]
) -> dict[str, Any]:
    """Return the fields that a person changed, by their names outside.

    Args:
        given: What the person's tool returned.
        shown: The fields as they were shown.
        schema: JSON Schema of what can be edited; see `schema_of`.
        fixed: What is shown and cannot be edited, and why.

    Raises:
        InvalidInput: A field cannot be edited, is unknown, or cannot be read as what belongs there; or nothing changed.
    """
    names = [*dict.fromkeys((*shown, *schema["properties"]))]
    named = {name if name in names else to_camel(name): value for name, value in given.items()}
    changed = {
        name: value
        for name, value in named.items()
        if name not in shown or not _is_as_shown(value, shown[name])
    }
    problems = [problem for name in changed if (problem := _problem(name, names, fixed))]
    if problems:
        raise InvalidInput(" ".join(problems))
    if not changed:
        raise InvalidInput("Nothing in it was changed.", next_step="Approve it if it is right as it is.")
    fields, parts = schema["properties"], schema["$defs"]
    return {name: _read(name, value, fields[name], parts) for name, value in changed.items()}


def _problem(name: str, names: Sequence[str], fixed: Mapping[str, str]) -> str:
    if name in fixed:
        return f"{name} cannot be edited: {fixed[name]}."
    if name in names:
        return ""
    return f"There is no field {name[:40]!r}; there are {', '.join(each for each in names if each not in fixed)}."


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """JSON Schema of a model's input under the outside names, in which no unknown field passes."""
    schema = model.model_json_schema(by_alias=True)
    parts = {name: {**part, "additionalProperties": False} for name, part in schema.get("$defs", {}).items()}
    return {**schema, "$defs": parts}


def _is_as_shown(value: Any, shown: Any) -> bool:
    if isinstance(value, str) and isinstance(shown, str):
        return value.splitlines() == shown.splitlines()  # forms have line ends of their own
    if isinstance(value, str):
        return _parsed(value) == (True, shown)
    return bool(value == shown)


def _read(name: str, value: Any, schema: Schema, parts: Schema) -> Any:
    """Read a field as its schema wants it; text for a list that is no JSON stays text: it may be one line an entry."""
    read = _unfolded(name, value, schema, parts)
    if isinstance(read, list | dict):
        error = next(Draft202012Validator({**schema, "$defs": parts}).iter_errors(read), None)
        if error:
            place = ".".join(map(str, (name, *error.absolute_path)))
            raise InvalidInput(f"{place}: {error.message[:300]}.")
    return read


def _unfolded(name: str, value: Any, schema: Schema, parts: Schema) -> Any:
    """Read text as JSON where no text belongs, at any depth."""
    options = [
        parts[each["$ref"].rpartition("/")[2]] if "$ref" in each else each for each in _options(schema)
    ]
    wanted = [str(each.get("type", "string")) for each in options]
    if isinstance(value, str) and "string" not in wanted:
        value = _from_text(name, value, wanted)
    if isinstance(value, dict):
        known = {key: part for each in options for key, part in each.get("properties", {}).items()}
        return {key: _unfolded(f"{name}.{key}", one, known.get(key, {}), parts) for key, one in value.items()}
    if isinstance(value, list):
        items: Schema = next((each["items"] for each in options if "items" in each), {})
        return [_unfolded(f"{name}.{index}", one, items, parts) for index, one in enumerate(value)]
    return value


def _options(schema: Schema) -> Sequence[Schema]:
    """The schemas of which a value has to fit one."""
    return schema.get("anyOf") or [schema]


def _from_text(name: str, text: str, wanted: Sequence[str]) -> Any:
    is_json, value = _parsed(text)
    if is_json and any(Draft202012Validator.TYPE_CHECKER.is_type(value, kind) for kind in wanted):
        return value
    if text.lstrip().startswith(_OPENS_JSON):
        raise InvalidInput(f"{name}: the text is not the JSON that belongs there ({' or '.join(wanted)}).")
    return text


def _parsed(text: str) -> tuple[bool, Any]:
    try:
        return True, json.loads(text)
    except ValueError:
        return False, None
