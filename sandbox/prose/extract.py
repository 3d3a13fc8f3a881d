"""Finds in a prompt what it already says about a company, as a model would quote it back."""

from __future__ import annotations

import re

_CUES = {
    "mission": r"poslání(?:m|\s+(?:je|firmy|značky|společnosti))\b|\bmis[ei] (?:je|firmy)\b|\bmission is\b",
    "vision": r"\bvizí (?:\w+ )?je\b|\bvize (?:\w+ )?je\b|\bvision is\b",
    "audience": r"cílov|zákazníky jsou|klienty jsou|audience|customers are|typickým zákazník",
    "usp": r"odlišuje|na rozdíl od|jako jedin|jedinečn|unlike|unique",
    "products": r"(?:produkty?|služby) (?:a služby )?(?:\w+ )?(?:patří|jsou|tvoří)|nabízí\w*|sortiment|products",
    "competitors": r"konkuren(?:ti|ty|cí|ci|ce|ty)\w*\s+(?:\w+\s+){0,3}(?:jsou|patří|představují|tvoří)|competitors",
    "pain": r"\btrápí\b|troubles?\b",
    "desire": r"\bpřejí si\b|\btouží po\b|wish for",
    "values": r"hodnot\w+\s+(?:\w+\s+){0,3}(?:jsou|patří)|zakládá si na|zakládáme si na|values",
}
_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _CUES.items()}
_SPLIT = re.compile(r"(?<=[.!?])\s+|\n+")
_INSTRUCTION = re.compile(
    r"uveď|napiš|vyplň|pokud|odpověz|schém|schema|json|znak|vrať|popiš|použij|otázk|podej|přidej|odhadni"
    r"|dej přednost|\bpiš\b|vyber|must|return|never|nikdy|\{|\}|\"",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\s*\[\d+\]|[*_`#>|]+|^\s*[-–]\s*")
_LIST_PART = re.compile(r",\s*|\s+a\s+(?:také\s+)?|\s+and\s+")
_AFTER_CUE = re.compile(
    r"(?:patří|jsou|tvoří|představují|nabízí\w*|si na|trápí|přejí si|touží po|are|include)\s*:?\s*(.+)",
    re.IGNORECASE,
)


def _sentences(text: str) -> list[str]:
    return [_MARKS.sub("", part).strip() for part in _SPLIT.split(text)]


def _about(text: str, kind: str) -> list[str]:
    cue = _COMPILED[kind]
    return [
        one
        for one in _sentences(text)
        if cue.search(one) and one[-1:] == "." and one[:1].isupper() and not _INSTRUCTION.search(one)
    ]


def sentence_about(text: str, kind: str, low: int, high: int) -> str:
    """The first whole sentence of the text on ``kind`` that keeps the limits; empty if there is none."""
    return next((one for one in _about(text, kind) if max(low, 30) <= len(one) <= high), "")


def listed(text: str, kind: str) -> list[str]:
    """The items of the first sentence that lists them: "Mezi hlavní produkty patří a, b a c."."""
    for sentence in _about(text, kind):
        match = _AFTER_CUE.search(sentence)
        parts = [part.strip(" .:;") for part in _LIST_PART.split(match.group(1))] if match else []
        parts = [part for part in parts if 3 <= len(part) <= 70]
        if len(parts) >= 2:
            return list(dict.fromkeys(parts))
    return []
