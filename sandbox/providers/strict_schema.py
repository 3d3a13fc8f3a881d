"""JSON Schemas as OpenAI's strict mode and Anthropic's structured output take them: much less than the standard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NEVER = frozenset(
    [
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "prefixItems",
        "contains",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
        "uniqueItems",
        "minLength",
        "maxLength",
        "oneOf",
    ]
)
_OPENAI = _NEVER | {"default"}
_ANTHROPIC = (_NEVER - {"allOf"}) | {
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "maxItems",
}
_INSIDE = ("properties", "$defs", "definitions")


def openai_wrong(schema: Any) -> str:
    """What strict mode refuses first in a schema, in OpenAI's words; empty where it takes it."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object" or "anyOf" in schema:
        return "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."
    for path, part in _parts(schema):
        context = f"In context={_context(path)}"
        if unknown := sorted(_OPENAI & set(part)):
            return f"{context}, '{unknown[0]}' is not permitted."
        if not _is_object(part):
            continue
        if part.get("additionalProperties") is not False:
            return f"{context}, 'additionalProperties' is required to be supplied and to be false."
        missing = [name for name in part.get("properties", {}) if name not in (part.get("required") or [])]
        if missing:
            return (
                f"{context}, 'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{missing[0]}'."
            )
    return ""


def anthropic_wrong(schema: Any) -> str:
    """What structured output refuses first in a schema, in Anthropic's words; empty where it takes it."""
    if not isinstance(schema, Mapping):
        return "Input should be a valid dictionary"
    for _, part in _parts(schema):
        if "oneOf" in part:
            return "Schema type 'oneOf' is not supported"
        kind = part.get("type") if isinstance(part.get("type"), str) else "any"
        unknown = sorted(_ANTHROPIC & set(part))
        if not unknown and int(part.get("minItems") or 0) > 1:
            unknown = ["minItems"]
        if unknown:
            return f"For '{kind}' type, property '{unknown[0]}' is not supported"
        if _is_object(part) and part.get("additionalProperties") is not False:
            return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    return ""


def _is_object(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in part


def _context(path: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{one}'" for one in path) + ("," if len(path) == 1 else "") + ")"


def _parts(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every schema in a schema, the outermost first."""
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for name in _INSIDE:
        for key, value in (schema.get(name) or {}).items():
            yield from _parts(value, (*path, name, key))
    yield from _parts(schema.get("items"), (*path, "items"))
    for name in ("anyOf", "allOf"):
        for number, value in enumerate(schema.get(name) or []):
            yield from _parts(value, (*path, name, str(number)))
