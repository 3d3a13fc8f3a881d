"""What every text stand-in writes: an answer to a prompt, in the shape of a schema or in free words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sandbox.prose.brief import Brief
from sandbox.prose.compose import free_text
from sandbox.prose.schema_filler import SchemaFiller
from sandbox.seeds import rng

_THINKING = {
    "NONE": (0, 0),
    "MINIMAL": (0, 8),
    "LOW": (24, 96),
    "MEDIUM": (96, 320),
    "HIGH": (320, 900),
    "XHIGH": (900, 2000),
    "MAX": (900, 2000),
}
_NOTES = {
    "minLength": "minimum length",
    "maxLength": "maximum length",
    "minItems": "minimum number of items",
    "maxItems": "maximum number of items",
    "minimum": "minimum value",
    "maximum": "maximum value",
}


def written(brief: Brief, schema: dict[str, Any] | None, wants_json: bool) -> str:
    """Answer in the shape of the schema, as any JSON object, or in Markdown."""
    if schema is not None:
        return json.dumps(SchemaFiller(with_notes(schema), brief).value(), ensure_ascii=False)
    if wants_json:
        return json.dumps({"text": free_text(brief)}, ensure_ascii=False)
    return free_text(brief)


def thought_tokens(level: str, key: str) -> int:
    """Tokens spent on thinking at a level such as ``low``; an unknown level counts as medium."""
    low, high = _THINKING.get(level.upper(), _THINKING["MEDIUM"])
    return rng(key, "thinking").randint(low, high)


def spoiled(text: str, fault: str, wants_json: bool) -> str:
    """The text with a fault of content in it."""
    if fault == "broken_json":
        return text[: max(1, len(text) * 2 // 3)].rstrip('}"]')
    if fault == "wrong_schema":
        return json.dumps({"unexpected": "value", "items": "none"}) if wants_json else "?"
    return "" if fault in ("empty", "safety", "prompt_block") else text


def with_notes(schema: Any) -> Any:
    """The schema with the limits that a client moved into descriptions put back.

    OpenAI's strict mode and Anthropic refuse ``minLength`` and its like, so clients write them as a note for
    the model to read: "Note: minimum length: 20, maximum length: 80."
    """
    if isinstance(schema, list):
        return [with_notes(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    whole = {name: with_notes(value) for name, value in schema.items()}
    said = schema.get("description")
    for keyword, label in _NOTES.items():
        found = re.search(rf"\b{label}: (\d+)", said) if isinstance(said, str) else None
        if found and keyword not in whole:
            whole[keyword] = int(found.group(1))
    return whole
