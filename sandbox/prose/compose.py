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
        return str(SchemaFiller(_sized("text", size), brief).value()["text"])
    count = max(3, min(9, words // 230))
    section = _sized("content", size // count)
    section["properties"]["heading"] = {"type": "string", "maxLength": 90}
    sections = {"type": "array", "items": section, "minItems": count, "maxItems": count}
    properties = {"title": {"type": "string", "maxLength": 90}, "sections": sections}
    article = SchemaFiller({"type": "object", "properties": properties}, brief).value()
    parts = (f"## {one['heading']}\n\n{one['content']}" for one in article["sections"])
    return "\n\n".join([f"# {article['title']}", *parts])


def _sized(name: str, size: int) -> dict[str, Any]:
    """A schema of one text of about so many characters."""
    limits = {"type": "string", "minLength": int(size * 0.6), "maxLength": int(size * 1.6)}
    return {"type": "object", "properties": {name: limits}}
