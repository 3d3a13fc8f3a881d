"""Small questions to ask of a JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_SIGNS = {
    "properties": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}


def type_of(schema: Schema, deep: bool) -> str:
    """The type to make, in small letters; ``deep`` prefers null where it may be."""
    kind = schema.get("type")
    if isinstance(kind, list):
        real = [one for one in kind if one != "null"]
        kind = real[0] if real and not (deep and real != kind) else "null"
    if isinstance(kind, str):
        return kind.lower() if kind.lower() in _TYPES else "string"
    return next((kind for sign, kind in _SIGNS.items() if sign in schema), "string")


def is_null(schema: Schema) -> bool:
    return schema.get("type") in ("null", "NULL") or ("const" in schema and schema["const"] is None)


def merge(first: Schema, second: Schema) -> dict[str, Any]:
    """Both schemas at once; where both name the same keyword the second counts, objects are joined."""
    merged = dict(first)
    for key, value in second.items():
        if key in ("properties", "$defs") and isinstance(merged.get(key), Mapping):
            merged[key] = {**merged[key], **value}
        elif key == "required" and key in merged:
            merged[key] = list(dict.fromkeys([*merged[key], *value]))
        else:
            merged[key] = value
    return merged


def additional(schema: Schema) -> Any:
    extra = schema.get("additionalProperties")
    return extra if isinstance(extra, Mapping) else {"type": "string", "maxLength": 60}


def length_limit(schema: Any) -> int | None:
    limit = schema.get("maxLength") if isinstance(schema, Mapping) else None
    return int(limit) if limit is not None else None


def rank(schema: Any) -> int:
    """Constants and choices before titles, titles before the rest."""
    if isinstance(schema, Mapping) and ("enum" in schema or "const" in schema):
        return 0
    return 2
