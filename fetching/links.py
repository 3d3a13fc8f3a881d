"""A page with its links, and which of them tell the most of a company."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from urllib.parse import unquote, urlsplit

from domain.tables import load
from domain.text import fold


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says.

    Attributes:
        url: Where it was found in the end, after redirects.
        title: Its title on one line.
        text: Markdown without hidden characters, cut to the reader's ``max_chars``.
        language: Declared language, such as ``cs``; empty where the page declares none.
        links: Links within the same site, each address once, in the page's order.
        truncated: True where the text was cut.
        challenge: What it shows instead of itself, such as “Checking your browser”; empty where it is a page.
        notes: What was restored or is damaged in it, in sentences for people.
    """

    url: str
    title: str
    text: str
    language: str
    links: tuple[Link, ...] = ()
    truncated: bool = False
    challenge: str = ""
    notes: tuple[str, ...] = ()


def same_site(one: str, other: str) -> bool:
    """Same host (``www.`` aside) and same port (80 and 443 are one)."""
    return _site(one) == _site(other)


def _site(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return "", 0
    return (parts.hostname or "").removeprefix("www."), 80 if port == 443 else port


def folder_of(url: str) -> str:
    """The folder that a page lies in: ``/firma/`` of ``/firma``, ``/firma/`` and ``/firma/x.html``."""
    path = urlsplit(url).path
    if "." in path.rpartition("/")[2]:
        path = path.rpartition("/")[0]
    return path.rstrip("/") + "/"


def telling_links(page: Page, folder: str | None = None) -> list[str]:
    """Order a page's links by what they tell of a company: one of each kind first, then the others.

    Pages that tell nothing (basket, terms, sign-in) and files are left out; so are those of other folders, where this
    one has any.

    Args:
        page: Where the links stand.
        folder: The site's folder on its host; by default the page's own.
    """
    pages = list(filter(_is_page, page.links))
    mine = folder_of(page.url) if folder is None else folder
    pages = [link for link in pages if urlsplit(link.url).path.startswith(mine)] or pages
    links = sorted(pages, key=lambda link: urlsplit(link.url).path.rstrip("/").count("/"))
    kinds: dict[str, list[str]] = {kind: [] for kind in load("fetching", "page_words")["telling"]}
    others: list[str] = []
    for link in links:
        kinds.get(_kind(link) or "", others).append(link.url)
    rounds = zip_longest(*kinds.values())
    return [*(url for one in rounds for url in one if url), *others]


def _kind(link: Link) -> str | None:
    """The kind that a link's address tells, else the one that its text tells."""
    for slug in (_slug(unquote(urlsplit(link.url).path)), _slug(link.text)):
        for kind, words in load("fetching", "page_words")["telling"].items():
            if _words(tuple(words)).search(slug):
                return str(kind)
    return None


def _is_page(link: Link) -> bool:
    table = load("fetching", "page_words")
    path = unquote(urlsplit(link.url).path)
    ending = path.rsplit("/", 1)[-1].rpartition(".")[2].lower() if "." in path.rsplit("/", 1)[-1] else ""
    idle = _words(tuple(table["idle"]))
    return ending not in table["files"] and not idle.search(_slug(path)) and not idle.search(_slug(link.text))


def _slug(text: str) -> str:
    return "-" + re.sub("[^a-z0-9]+", "-", fold(text)).strip("-") + "-"


@cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("-(?:" + "|".join(word.replace("*", "[a-z0-9]*") for word in words) + ")-")
