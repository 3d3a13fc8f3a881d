"""Free text where no schema was sent: an article in Markdown, or a short answer."""

from __future__ import annotations

import re

from sandbox.prose.brief import Brief
from sandbox.prose.phrases import Phrases, Subject, Wanted
from sandbox.prose.writer import Writer

_WORDS = re.compile(
    r"(\d[\d\s.]{0,6})(?:\s*(?:-|–|až|to)\s*(\d[\d\s.]{0,6}))?\s*(?:slov|words)", re.IGNORECASE
)
_CHARACTERS_A_WORD = {"cs": 5.95, "en": 5.5}


def wished_words(prompt: str) -> int:
    """How many words the prompt asks for; 160 if it does not say."""
    match = _WORDS.search(prompt)
    if not match:
        return 160
    numbers = [int(re.sub(r"\D", "", part)) for part in match.groups() if part and re.sub(r"\D", "", part)]
    return max(20, min(sum(numbers) // len(numbers), 6000))


def free_text(brief: Brief) -> str:
    """Text of the wished length: paragraphs, with headings where it is long enough for them."""
    writer = Writer(brief)
    words = wished_words(brief.prompt)
    target = int(words * _CHARACTERS_A_WORD[brief.language])
    slots = writer.slots()
    source = writer.rng("free")
    middle = [theme for name, theme in writer.themes.items() if name not in ("intro", "conclusion")]
    source.shuffle(middle)
    if words < 350:
        return writer.prose(target // 2, int(target * 1.4), target, middle[0], slots, source, rich=False)
    sections = max(3, min(9, words // 230))
    themes = [writer.themes["intro"], *middle[: sections - 2], writer.themes["conclusion"]]
    phrases = Phrases(writer)
    parts = [
        "# "
        + phrases.choose(
            phrases.candidates(_wanted("title", Subject("")), source), _wanted("title", Subject("")), set()
        )
    ]
    for index, theme in enumerate(themes):
        wanted = _wanted("heading", Subject(f"/{index}", theme=theme, index=index))
        parts.append("## " + phrases.choose(phrases.candidates(wanted, source), wanted, set()))
        size = target // len(themes)
        parts.append(writer.prose(size // 2, size * 2, size, theme, slots, source))
    if brief.signature:
        parts.append(brief.signature)
    return "\n\n".join(parts)


def _wanted(kind: str, subject: Subject) -> Wanted:
    return Wanted(kind, None, 90, (), subject, subject.path)
