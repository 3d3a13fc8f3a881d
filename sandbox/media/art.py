"""What a picture or clip shows, read from its prompt: a line of text, colours, the shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.prose.brief import quoted_terms
from sandbox.seeds import rng

_HEX = re.compile(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_TECHNICAL = re.compile(
    r"aspect|ratio|\bstyle\b|palette|colou?r|\bmood\b|light\b|lighting|quality|photograph(?:y|ic)\b|candid|editorial|composition"
    r"|graphics|minimalism|watercolou?r|collage|linocut|illustration|drawing|genuine|approachable|composed|moment|balanced"
    r"|depth of field|empty space|background|shadow|tidied|focus|coherent"
    r"|authentic|avoid|negative|watermark|blurry|resolution|\b4k\b|detailed|professional|studio|render|seconds?\b|--"
    r"|poměr stran|styl|barv|nálad|kvalit|světl|vyvaruj|bez textu|no text",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?:message|scene|subject|motiv|scéna|sdělení|námět|téma|topic|title)\s*[:=]\s*[\"„“]?([^\n\"“”]{6,160})",
    re.IGNORECASE,
)
_COLOURS = {
    r"black|čern": "#1B1B1E", r"white|bíl": "#F8F6F1", r"red|červen": "#C8372D", r"orange|oranž": "#E8833A",
    r"yellow|žlut": "#F2C14E", r"gold|zlat": "#C9A227", r"green|zelen": "#4F7F52", r"olive|oliv": "#7A7F3F",
    r"teal|petrol": "#1F6F78", r"turquoise|tyrkys": "#3FB8AF", r"blue|modr": "#2B5C8A", r"navy|námořnick": "#1D3557",
    r"purple|violet|fialov": "#6B4C8A", r"pink|růžov": "#E39BB0", r"brown|hněd": "#6F4E37", r"beige|béžov": "#E4D5B7",
    r"cream|krémov|smetan": "#F5EBD7", r"gr[ae]y|šed": "#8A8D91", r"terracotta|terakot|cihlov": "#C5683F",
    r"sand|písk": "#D9C4A0", r"burgundy|vínov": "#6D2237", r"mint|mátov": "#A8D5BA",
}  # fmt: skip
_PALETTES = (
    ("#2F3E46", "#84A98C", "#F2E8CF"), ("#6F4E37", "#D9B382", "#F7F1E5"), ("#1D3557", "#E63946", "#F1FAEE"),
    ("#3D405B", "#E07A5F", "#F4F1DE"), ("#264653", "#E9C46A", "#F6E9D2"), ("#5F0F40", "#FB8B24", "#FFF3E0"),
    ("#0B3954", "#FF6663", "#E8F1F5"), ("#22333B", "#C6AC8F", "#EAE0D5"),
)  # fmt: skip
_RATIO = re.compile(
    r"\b\d{1,2}:\d{1,2}\b(?:\s+(?:instagram|pinterest|linkedin|facebook|twitter|tiktok|story|feed|\s)+)?"
)
_LONGEST = 92


@dataclass(frozen=True)
class Art:
    """``key`` decides on the composition; ``palette`` holds three or more colours from dark to light."""

    key: str
    text: str
    palette: tuple[str, ...]
    ratio: str


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(letter * 2 for letter in colour[1:])


def palette_of(prompt: str, key: str) -> tuple[str, ...]:
    """The colours a prompt names, as codes or words, filled up from a fixed palette; dark ones first."""
    found = [_long(code) for code in _HEX.findall(prompt)][:4]
    lowered = prompt.lower()
    if len(found) < 2:
        found += [code for words, code in _COLOURS.items() if re.search(rf"\b(?:{words})", lowered)][:4]
    base = rng(key, "palette").choice(_PALETTES)
    if len(found) < 3:
        found += [colour for colour in base if colour not in found][: 4 - len(found)]
    ordered = sorted(dict.fromkeys(code.upper() for code in found), key=_luminance)
    if _luminance(ordered[0]) > 110:
        ordered.insert(0, base[0])
    if _luminance(ordered[-1]) < 170:
        ordered.append(base[-1])
    return tuple(ordered)


def _scenic(piece: str) -> int:
    """How much a part of a prompt sounds like something to be seen: long, beginning anew, with somebody at work."""
    return len(piece) + 20 * piece[0].isupper() + 15 * bool(re.search(r"\w{3}ing\b", piece))


def gist_of(prompt: str) -> str:
    """The part of a visual prompt that says what is to be seen, at most about ninety characters."""
    quoted = [term for term in quoted_terms(prompt) if len(term) >= 8 and not _HEX.search(term)]
    labelled = [str(match) for match in _LABEL.findall(prompt)]
    pieces = [
        piece.strip(" .,:;-–*#") for piece in re.split(r"[.,;\n]+", _RATIO.sub("", _HEX.sub("", prompt)))
    ]
    plain = [piece for piece in pieces if len(piece) >= 12 and not _TECHNICAL.search(piece)]
    shown = sorted(plain, key=_scenic, reverse=True)
    text = (quoted or labelled or shown or [piece for piece in pieces if piece] or ["PostHub"])[0]
    text = " ".join(text.split())
    if len(text) > _LONGEST:
        text = text[:_LONGEST].rsplit(" ", 1)[0].rstrip(" ,;:–-") + "…"
    return text[:1].upper() + text[1:]


def art_of(prompt: str, ratio: str, key: str) -> Art:
    """Read a visual prompt. Its instructions on what to leave out say nothing about what is to be seen."""
    wanted = re.split(r"(?i)\b(?:negative prompt|avoid|do not include|vyvaruj se|bez)\b\s*:", prompt)[0]
    return Art(key[:24], gist_of(wanted), palette_of(wanted, key), ratio)
