"""The length of a post as X counts it: twitter-text v3.

Characters of the light ranges weigh 1, all others 2; a URL weighs 23 whatever its length, with or without a
scheme; an emoji weighs 2 whatever it is made of. Text is counted in NFC. Figures: ``data/x_text.json``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from domain.tables import load

_LINE_ENDS = re.compile(r"\r\n|\r|\n")


def x_weight(text: str) -> int:
    """Return the weighted length of a post; X takes at most 280."""
    normal = _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", text))
    table = load("domain", "x_text")
    urls, emoji = dict(_urls(normal)), dict(_emoji(normal))
    weight = place = 0
    while place < len(normal):
        if place in urls:
            weight, place = weight + table["url_weight"], place + urls[place]
        elif place in emoji:
            weight, place = weight + table["emoji_weight"], place + emoji[place]
        else:
            weight, place = weight + _character(ord(normal[place])), place + 1
    return weight


def _character(point: int) -> int:
    table = load("domain", "x_text")
    light = any(low <= point <= high for low, high in table["light_ranges"])
    return int(table["light_weight"] if light else table["default_weight"])


def _emoji(text: str) -> Iterator[tuple[int, int]]:
    """Yield place and length of every emoji, the longest known sequence at each place."""
    sequences, singles = _emoji_table()
    place = 0
    while place < len(text):
        lengths = sequences.get(text[place], ())
        length = next((len(one) for one in lengths if text.startswith(one, place)), 0)
        length = length or int(text[place] in singles)
        if length:
            yield place, length
        place += length or 1


@cache
def _emoji_table() -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    table = load("domain", "x_text")
    by_first: dict[str, list[str]] = {}
    for one in " ".join(table["emoji_sequences"]).split(" "):
        by_first.setdefault(one[0], []).append(one)
    singles = (chr(point) for low, high in table["emoji_single"] for point in range(low, high + 1))
    longest_first = {first: tuple(sorted(all_, key=len, reverse=True)) for first, all_ in by_first.items()}
    return longest_first, frozenset(singles)


def _urls(text: str) -> Iterator[tuple[int, int]]:
    """Yield place and length of every URL."""
    grammar = _grammar()
    if not grammar.top_level.search(text):  # the whole grammar is quadratic on dotted text without any domain
        return
    for match in grammar.url.finditer(text):
        url, scheme, domain, path = match["url"], match["scheme"], match["domain"], match["path"]
        if not _is_sound(url, scheme or "https://", domain):
            continue
        if scheme:
            yield from _with_scheme(grammar, match.start("url"), url)
        elif not grammar.no_url_before.match(match["before"]):
            yield from _without_scheme(grammar, match.start("url"), url, domain, path)


def _with_scheme(grammar: Grammar, start: int, url: str) -> Iterator[tuple[int, int]]:
    """A t.co address ends with its slug, and is none when the slug is too long."""
    short = grammar.tco.match(url)
    if short is None:
        yield start, len(url)
    elif len(short[1]) <= load("domain", "x_text")["tco_slug_max_length"]:
        yield start, len(short[0])


def _without_scheme(
    grammar: Grammar, start: int, url: str, domain: str, path: str | None
) -> Iterator[tuple[int, int]]:
    """Only the ASCII domains inside a run of letters count; the last one takes the path along."""
    found = [(start + one.start(), one[0]) for one in grammar.ascii_domain.finditer(domain)]
    if found and path:
        place, last = found.pop()
        found.append((place, url.replace(domain, last)))
    yield from ((place, len(one)) for place, one in found)


def _is_sound(url: str, scheme: str, domain: str) -> bool:
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    length = len(scheme) + len(url) + len(ascii_domain) - len(domain)
    return bool(ascii_domain) and length <= load("domain", "x_text")["url_max_length"]


class Grammar:
    """The compiled patterns of twitter-text's URL grammar."""

    def __init__(self, generic: list[str], country: list[str]) -> None:
        accents = (
            r"\xC0-\xD6\xD8-\xF6\xF8-\xFF\u0100-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268"
            r"\u026F\u0272\u0289\u028B\u02BB\u0300-\u036F\u1E00-\u1EFF"
        )
        marks = r"\u202A-\u202E\u061C\u200E\u200F\u2066-\u2069"
        invalid = r"\uFFFE\uFEFF\uFFFF"
        spaces = r"\x09-\x0D\x20\x85\xA0\u1680\u180E\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
        unlike_letters = r"!'#%&()*+,\\./:;<=>?@\[\]^{|}~$" + spaces + invalid + marks
        letter = rf"[^{unlike_letters}_-]"
        subdomain = rf"(?:{letter}(?:[^{unlike_letters}]*{letter})?\.)"
        name = rf"(?:{letter}(?:[^{unlike_letters}_]*{letter})?\.)"
        end = r"(?=[^0-9a-zA-Z@+-]|$)"
        top = rf"(?:(?:{_any_of(generic)}{end})|(?:{_any_of(country)}{end})|(?:xn--[\-0-9a-z]+))"
        self.top_level = re.compile(rf"\.{top}", re.IGNORECASE)
        general = rf"[a-z\u0400-\u04FF0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{accents}]"
        parens = rf"\((?:{general}+|(?:{general}*\({general}+\){general}*))\)"
        ending = rf"[+\-a-z\u0400-\u04FF0-9=_#/{accents}]"
        path = rf"(?:(?:{general}*(?:{parens}{general}*)*{ending}|{parens})|(?:@{general}+/))"
        query = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"
        self.url = re.compile(
            rf"(?P<before>(?:[^A-Za-z0-9@＠$#＃{invalid}]|[{marks}]|^))"
            rf"(?P<url>(?P<scheme>https?://)?(?P<domain>{subdomain}*{name}{top})"
            rf"(?::[0-9]+)?(?P<path>/{path}*)?(?:{query})?)",
            re.IGNORECASE,
        )
        self.ascii_domain = re.compile(rf"(?:(?:[\-a-z0-9{accents}]+)\.)+{top}", re.IGNORECASE)
        self.tco = re.compile(rf"https?://t\.co/([a-z0-9]+)(?:{query})?", re.IGNORECASE)
        self.no_url_before = re.compile(r"[-_./]$")


def _any_of(words: list[str]) -> str:
    """Alternate words in their order, grouped by first letter: 1500 alternatives at a dot are slow."""
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word[0], []).append(word[1:])
    return "(?:" + "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in groups.items()) + ")"


@cache
def _grammar() -> Grammar:
    table = load("domain", "x_text")
    return Grammar(*(" ".join(table[one]).split(" ") for one in ("generic_domains", "country_domains")))
