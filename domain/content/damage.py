"""Text that reads as damaged: seen in everything that a model or a page gives, mended where that is certain.

What damage looks like is dated data (`domain/data/damage.json`). Code, paths, formulas and quoted signs may hold what
elsewhere would be an escape written out; nothing in them is changed or complained of.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.tables import load
from domain.text import normal

THOUGHT = "The model's thinking aloud stood in the answer and was taken out."

_VERBATIM = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|``.+?``|`[^`\n]+`|<(code|pre)\b.*?</\1>|\$[^$\n]*\\[a-zA-Z]+[^$\n]*\$"
    r"|\b[A-Za-z]:\\(?!r?n(?:[\s\\*#-]|$))\S*|(?<!\S)\\\\[\w.-]+\\\S*|(?<!\S)(?:\.{1,2}|~|%\w+%)\\\S*"
    r"|[\"'„“‚‘(]\\[nrt\"'0](?=[\"'“”‘’)])",
    re.DOTALL,
)
_UNICODE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\u\{([0-9a-fA-F]{1,6})\}|\\U([0-9a-fA-F]{8})")
_BYTES = re.compile(r"(?:\\x[0-9a-fA-F]{2})+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|&nbsp\b")
_WRITTEN_TAG = re.compile(r"&lt;[A-Za-z/!?]")
_QUOTE = re.compile(r"\\(?=[\"'/“”„])")
_BREAK = re.compile(
    r"(?:\\r)?\\n(?=(?:\\r)?\\n|\\t|[\s•*#>\"„“(\-\d]|[^\W\d_a-z]|$)|(?<=[.!?…:;,)“”\"\n])(?:\\r)?\\n|\\r(?=\\n|$)"
)
_TAB = re.compile(r"(?<![\w\\])\\t|\\t(?=[\s\d•*-]|[^\W\d_a-z]|$)")
_WRITTEN_OUT = re.compile(r"(?<!\\)\\[nrt](?![\w]*\\)|\\u[0-9a-fA-F]{0,3}(?![0-9a-zA-Z])|\\x[0-9a-fA-F]{2}")
_SIGN_IN_WORD = re.compile(r"[^\W\d_][÷×¤§¨¸¬±´][^\W\d_]")
_WORD = re.compile(r"\S+")
_CHARSETS = ("cp1250", "cp1252", "iso-8859-2", "latin-1")
_MOST = 10
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Mended:
    """Plain JSON as it may be used, what was restored in it, and what is damaged beyond that, in words for people."""

    value: Any
    restored: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()


def mend(value: Any) -> Mended:
    """Look through every text of a plain JSON value, keys included."""
    restored: list[str] = []
    damaged: list[str] = []

    def mended(each: Any, place: str) -> Any:
        if isinstance(each, str):
            text, names = restore(each)
            restored.extend(f"{place}{name}" for name in names)
            damaged.extend(f"{place}{name}" for name in damage(text))
            return text
        if isinstance(each, dict):
            return {mended(key, place): mended(inner, _in(place, key)) for key, inner in each.items()}
        if isinstance(each, list | tuple):
            return [mended(inner, _in(place, index)) for index, inner in enumerate(each)]
        return each

    whole = mended(value, "")
    if piece := _said_over(whole):
        damaged.append(f"The answer says “{_shown(piece)}” over and over.")
    return Mended(whole, tuple(restored[:_MOST]), tuple(damaged[:_MOST]))


def restore(text: str) -> tuple[str, list[str]]:
    """Return a text with everything put right that can only have been one thing, and a sentence for each repair."""
    text, names = restore_encoding(text)
    if "\\" in text or "&" in text:
        plain = _outside_code(text, _unescaped)
        names += (
            [f"“{_shown(_difference(text, plain))}” stood written out and was restored."]
            if plain != text
            else []
        )
        text = normal(plain)
    text, thought = without_thinking(text)
    return text, [*names, THOUGHT] if thought else names


def restore_encoding(text: str) -> tuple[str, list[str]]:
    """Return a text that was read in the wrong charset as it was written, where that is certain."""
    text = normal(text)
    if text.isascii():
        return text, []
    fixed = _reread(text)
    if fixed == text:
        return text, []
    return normal(fixed), [
        f"“{_shown(_difference(text, fixed))}” was read in the wrong charset and was restored."
    ]


def _reread(text: str) -> str:
    if not _ftfy().badness.is_bad(text) and not any(one.search(text) for one in _patterns("mojibake")[:3]):
        return text
    whole = _one_meaning(text)
    return whole if whole != text else _WORD.sub(lambda word: _one_meaning(word[0]), text)


def _one_meaning(text: str) -> str:
    """Read a text again by every charset; as it stands where more than one reading, or none, makes sense."""
    meant = {_ftfy().fix_encoding(text), *(_as_utf8(text, charset) for charset in _CHARSETS)} - {text, None}
    sound = [plain for plain in meant if plain and not _SIGN_IN_WORD.search(plain) and not any(broken(plain))]
    return sound[0] if len(sound) == 1 else text


def _as_utf8(text: str, charset: str) -> str | None:
    try:
        return text.encode(charset).decode("utf-8")
    except UnicodeError:
        return None


@cache
def _ftfy() -> Any:
    import ftfy  # when the first text is read: its tables of characters take a third of a second

    return ftfy


def damage(text: str) -> list[str]:
    """Say what is damaged in a text, each kind once; empty where nothing is."""
    found = [*unreadable(text), *cut_off(text)]
    if piece := repeats(text):
        found.append(f"“{_shown(piece)}” is repeated over and over.")
    return found


def unreadable(text: str) -> Iterator[str]:
    """Say what a reader would stumble over in any text, whoever wrote it."""
    yield from broken(text)
    yield from _escaped(text)


def broken(text: str) -> Iterator[str]:
    """Say which characters of a text are none, or were read in the wrong charset."""
    for name, pattern in _characters():
        if match := pattern.search(text):
            yield f"There is a {name} (U+{ord(match[0]):04X}) in “{_around(text, match)}”."
    if text.isascii():
        return
    wrong = _ftfy().badness.BADNESS_RE.search(text)
    mixed = (_together(text, group) for group in load("domain", "damage")["mojibake_together"])
    for match in filter(None, (wrong, *(one.search(text) for one in _patterns("mojibake")), *mixed)):
        yield f"“{_around(text, match)}” was read in the wrong charset."
        return


def _together(text: str, group: list[str]) -> re.Match[str] | None:
    """Letters that no language has beside each other, though each is some language's."""
    found = [_pattern(one).search(text) for one in group]
    return found[0] if all(found) else None


def _escaped(text: str) -> Iterator[str]:
    prose = _VERBATIM.sub(" ", text)
    if match := _WRITTEN_OUT.search(prose):
        yield f"An escape is written out: “{_around(prose, match)}”."
    for match in filter(None, (one.search(prose) for one in _patterns("marks"))):
        yield f"“{_shown(match[0])}” is a mark of the model's, no text."
    words = " ".join(word.strip(".,;:!?()„“”\"'*_") for word in prose.split() if not set(word) & set("/&@\\"))
    for match in filter(None, (one.search(words) for one in _patterns("lost"))):
        yield f"Letters are lost in “{_around(words, match)}”."


def cut_off(text: str) -> Iterator[str]:
    """Say whether a text ends in the middle of something."""
    rules = load("domain", "damage")["cut"]
    end = text.rstrip()
    last = end.rpartition("\n")[2]
    open_fence = end.count("```") % 2 == 1
    hanging = last.rpartition(" ")[2] in rules["words"] and " " in last
    long_prose = (
        len(last) >= rules["paragraph_chars"] and last[-1:].isalpha() and len(_SENTENCES.findall(last)) >= 3
    )
    if open_fence or hanging or long_prose or _pattern(rules["ends"]).search(last):
        yield f"The text is cut off at its end: “…{last[-_SHOWN:]}”."


_SENTENCES = re.compile(r"[.!?…](?=\s)")


def repeats(text: str) -> str | None:
    """Return what a text says over and over without end, None where nothing is; takes time by the length alone."""
    rules = load("domain", "damage")["repetition"]
    step = rules["chars"] // 2
    for start in range(0, max(0, len(text) - rules["chars"] // 2), step):
        probe = text[start : start + min(step, 24)]
        again = text.find(probe, start + 1, start + rules["longest"] + len(probe))
        if again < 0 or not any(map(str.isalnum, text[start:again])):
            continue
        unit = text[start:again]
        times = max(rules["times"], -(-step // len(unit)))
        if text.startswith(unit * (times - 1), start) and len(unit) * times >= step:
            return unit.strip()
    return None


def runs_away(text: str) -> str | None:
    """Return what an answer that did not end had begun to repeat: with more room it would go on."""
    return repeats(text) or _said_over(re.split(r"[\"\n]", text))


def _said_over(value: Any) -> str | None:
    """Return the sentence that makes up most of a value, whatever numbers stand in it."""
    rules = load("domain", "damage")["repetition"]
    sentences = Counter(
        said
        for text in _texts(value)
        for one in _SENTENCES.split(text)
        if len(said := re.sub(r"[\d\W]+", " ", one).strip().casefold()) >= rules["sentence_chars"]
    )
    for said, times in sentences.most_common(1):
        whole = sum(len(one) * count for one, count in sentences.items())
        if times >= rules["times"] and times * len(said) >= rules["sentence_share"] * whole:
            return said
    return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def without_thinking(text: str) -> tuple[str, bool]:
    """Take out what a reasoning model thought aloud; tells whether there was any. What code quotes stays."""
    first, anywhere = _thinking()
    rest = first.sub("", text)
    plain = _outside_code(rest, lambda piece: anywhere.sub("", piece))
    return (plain.strip(), True) if plain != text else (text, False)


@cache
def _thinking() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """At the beginning of an answer, where it may hold code, or has lost its opening mark; and anywhere in it."""
    opening, closing = (rf"(?:<{slash}(?:{_names()})>|◁{slash}think▷)" for slash in ("", "/"))
    first = rf"\A(?:\s*{opening}.*?(?:{closing}|\Z)|(?:(?!{opening})[^`])*?{closing})"
    return tuple(
        re.compile(one, re.DOTALL | re.IGNORECASE) for one in (first, rf"{opening}.*?(?:{closing}|\Z)")
    )  # type: ignore[return-value]


def _names() -> str:
    return "|".join(map(re.escape, load("domain", "damage")["thinking"]))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    pieces, done = [], 0
    for verbatim in _VERBATIM.finditer(text):
        pieces += [change(text[done : verbatim.start()]), verbatim[0]]
        done = verbatim.end()
    return "".join([*pieces, change(text[done:])])


def _unescaped(piece: str) -> str:
    """Put right what stands written out in prose."""
    for _ in range(2):  # "&amp;nbsp;" was escaped twice
        piece = _ENTITY.sub(_entity, piece)
    piece = _UNICODE.sub(_letters, _BYTES.sub(_from_bytes, piece))
    return _QUOTE.sub("", _TAB.sub("\t", _BREAK.sub("\n", piece)))


def _entity(match: re.Match[str]) -> str:
    letter = html.unescape(match[0] if match[0].endswith(";") else f"{match[0]};")
    tag = letter in {"<", ">"} and _WRITTEN_TAG.search(match.string)
    return match[0] if tag or letter.endswith(";") else letter


def _letters(match: re.Match[str]) -> str:
    if point := match[1] or match[2]:
        return chr(int(point, 16)) if int(point, 16) <= 0x10FFFF else match[0]
    units = bytes.fromhex(match[0].replace("\\u", ""))
    return units.decode("utf-16-be", "surrogatepass")


def _from_bytes(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("\\x", "")).decode("utf-8")
    except UnicodeDecodeError:
        return match[0]


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _patterns(name: str) -> list[re.Pattern[str]]:
    return [_pattern(one) for one in load("domain", "damage")[name]]


@cache
def _characters() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = load("domain", "damage")["characters"].items()
    return tuple((name, re.compile(pattern)) for name, pattern in rows)


def _in(place: str, key: object) -> str:
    return f"{place.removesuffix(': ')}.{key}: " if place else f"{key}: "


def _around(text: str, match: re.Match[str]) -> str:
    """A piece of text as it may be shown: what is found with some of its neighbours."""
    half = _SHOWN // 2
    return _shown(text[max(0, match.start() - half) : match.end() + half])


def _shown(text: str) -> str:
    cut = " ".join(text[:_SHOWN].split())
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)


def _difference(before: str, after: str) -> str:
    """The first place where two texts part, as it stood before."""
    same = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    return before[max(0, same - 8) : same + 12]
