"""Free text where no schema was sent: an article in Markdown, or a short answer."""

from __future__ import annotations

import re
from typing import Any

from sandbox.prose.brief import Brief
from sandbox.prose.schema_filler import SchemaFiller

_WORDS = re.compile(
    r"(\d[\d\s.]{0,6})(?:\s*(?:-|–|až|to)\s*(\d[\d\s.]{0,6}))?\s*(?:slov|words)", re.IGNORECASE
)
_CHARACTERS_A_WORD = {"cs": 5.95, "en": 5.5}


def wished_words(prompt: str) -> int:
    """How many words the prompt asks for; 160 if it does not say."""
    match = _WORDS.search(prompt)
    parts = (re.sub(r"\D", "", part or "") for part in match.groups()) if match else ()
    numbers = [int(part) for part in parts if part] or [160]
    return max(20, min(sum(numbers) // len(numbers), 6000))


def free_text(brief: Brief) -> str:
    """Text of the wished length: paragraphs, with headings where it is long enough for them."""
    words = wished_words(brief.prompt)
    size = int(words * _CHARACTERS_A_WORD[brief.language])
    if words < 350:
        return str(SchemaFiller(_object(text=_string(size * 0.6, size * 1.6)), brief).value()["text"])
    count = max(3, min(9, words // 230))
    part = _object(heading=_string(0, 90), content=_string(size * 0.6 / count, size * 1.6 / count))
    body = {"type": "array", "items": part, "minItems": count - 2, "maxItems": count - 2}
    schema = _object(title=_string(0, 90), intro=part, body=body, conclusion=part)
    article = SchemaFiller(schema, brief).value()
    parts = [article["intro"], *article["body"], article["conclusion"]]
    return "\n\n".join(
        [f"# {article['title']}", *(f"## {one['heading']}\n\n{one['content']}" for one in parts)]
    )


def _string(low: float, high: float) -> dict[str, Any]:
    return {"type": "string", "minLength": int(low), "maxLength": int(high)}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}
