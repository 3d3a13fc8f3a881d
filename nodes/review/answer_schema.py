"""What an answer may be, as JSON Schema: Studio and others draw a form from it. Other shapes are understood too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nodes.review.question import Asked


def answer_schema(items: Sequence[Asked], parts: Sequence[str] = ()) -> dict[str, Any]:
    """Describe an answer to what waits; filled in, it decides nothing yet: every decision is a person's.

    Args:
        items: What waits.
        parts: What of a rejected item can be made again alone, if anything.
    """
    undecided = [{"id": each.id, "token": each.token, "type": "later"} for each in items]
    decisions = {
        "type": "array",
        "title": "Decisions",
        "description": "One for each item; what is left out is asked again.",
        "items": _decision(items, parts),
        "default": undecided,
    }
    return {
        "type": "object",
        "title": "Your decisions",
        "properties": {"decisions": decisions},
        "required": ["decisions"],
    }


def _decision(items: Sequence[Asked], parts: Sequence[str]) -> dict[str, Any]:
    types = list(dict.fromkeys(kind for each in items for kind in each.allowed))
    fields: dict[str, Any] = {
        "id": {"type": "string", "title": "Item", "enum": [each.id for each in items]},
        "token": {
            "type": "string",
            "title": "Token",
            "description": "Of what you saw: the decision counts for exactly that.",
            "enum": [each.token for each in items],
        },
        "type": {"type": "string", "title": "Decision", "enum": [*types, "later"], "default": "later"},
        "reason": {
            "type": "string",
            "title": "Reason",
            "description": "Needed to reject: what to do better.",
        },
        "edited": {
            "type": "object",
            "title": "Edited",
            "description": "Of an edit: the fields that change, as the action's args name them.",
        },
    }
    if parts:
        fields["parts"] = {
            "type": "array",
            "title": "Parts",
            "description": "Of a rejected package: what is made again; all, if none is named.",
            "items": {"type": "string", "enum": list(parts)},
            "uniqueItems": True,
        }
    return {"type": "object", "properties": fields, "required": ["id", "type"]}
