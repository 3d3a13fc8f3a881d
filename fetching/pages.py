"""Reading web pages: one page, or the most telling pages of a company's site."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from domain.errors import FetchFailed, PostHubError
from domain.tables import load
from domain.text import fold
from fetching.fetcher import Fetched, SafeFetcher
from fetching.html import ReadHtml, decode, read_html

HTML_TYPES = ("text/html", "application/xhtml+xml")
_PARSE_SECONDS = 20.0


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
    """

    url: str
    title: str
    text: str
    language: str
    links: tuple[Link, ...] = ()
    truncated: bool = False


class PageReader:
    """Reads pages through a fetcher that reaches public addresses only.

    Args:
        fetcher: Fetches under its own caps of size and time.
        max_chars: Cap on a page's text, in characters.
        site_seconds: Deadline of `read_site` for the pages after the first.
        at_once: How many pages of a site are asked for at the same time.
    """

    def __init__(
        self,
        fetcher: SafeFetcher,
        *,
        max_chars: int = 12_000,
        site_seconds: float = 40.0,
        at_once: int = 3,
    ) -> None:
        self._fetcher = fetcher
        self._max_chars = max_chars
        self._site_seconds = site_seconds
        self._at_once = at_once

    async def read(self, url: str, *, max_chars: int | None = None) -> Page:
        """Read one page.

        Raises:
            UnsafeUrl: the address must not be fetched.
            FetchFailed: it could not be read; see `SafeFetcher.get` for its reasons.
        """
        fetched = await self._fetcher.get(url, media_types=HTML_TYPES)
        try:
            async with asyncio.timeout(_PARSE_SECONDS):
                html = await asyncio.to_thread(_parse, fetched)
        except TimeoutError:
            raise _unreadable(url) from None
        return _page(fetched.final_url, html, self._max_chars if max_chars is None else max_chars)

    async def read_site(
        self, url: str, *, max_pages: int = 6, on_skip: Callable[[str], None] | None = None
    ) -> list[Page]:
        """Read the start page and the most telling pages that it links to on the same site.

        Args:
            url: The start page.
            max_pages: How many pages at most, the start page included.
            on_skip: Told, in a sentence for people, of each page that was left out because it failed.

        Raises:
            UnsafeUrl, FetchFailed: the start page could not be read.
        """
        start = await self.read(url)
        urls = telling_links(start)[: max(0, max_pages - 1)]
        notes: list[str] = []
        pages = await self._read_all(urls, notes)
        for note in notes:
            (on_skip or _ignore)(note)
        return _distinct([start, *(page for page in pages if same_site(page.url, start.url))])

    async def _read_all(self, urls: list[str], notes: list[str]) -> list[Page]:
        turn = asyncio.Semaphore(self._at_once)
        tasks = [asyncio.create_task(self._read_or_note(url, turn, notes)) for url in urls]
        if not tasks:
            return []
        try:
            _, late = await asyncio.wait(tasks, timeout=self._site_seconds)
            if late:
                notes.append(f"{len(late)} pages were left out: the site took over {self._site_seconds:g} s.")
        finally:
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
        for result in done:
            if isinstance(result, Exception):
                raise result
        return [result for result in done if isinstance(result, Page)]

    async def _read_or_note(self, url: str, turn: asyncio.Semaphore, notes: list[str]) -> Page | None:
        async with turn:
            try:
                return await self.read(url)
            except PostHubError as error:
                notes.append(error.message)
                return None


def _ignore(note: str) -> None:
    """Where nobody asks, a skipped page is no news."""


def _parse(fetched: Fetched) -> ReadHtml:
    return read_html(decode(fetched.content, fetched.charset))


def _unreadable(url: str) -> FetchFailed:
    return FetchFailed(
        f"The page {url.split('?')[0][:100]} is built so that its text cannot be taken out in time.",
        next_step="Give the address of a simpler page.",
        reason="timeout",
    )


def _page(url: str, html: ReadHtml, max_chars: int) -> Page:
    text = html.text
    truncated = len(text) > max_chars
    if truncated:
        text = text[:max_chars].rsplit(" ", 1)[0].rstrip()
    return Page(url, html.title, text, html.language, _same_site_links(url, html), truncated)


def _same_site_links(url: str, html: ReadHtml) -> tuple[Link, ...]:
    found: dict[str, Link] = {}
    for href, text in html.links:
        address = _absolute(url, html.base, href)
        if address and same_site(address, url) and _bare(address) != _bare(url):
            first = found.setdefault(_bare(address), Link(address, text))
            if not first.text and text:
                found[_bare(address)] = Link(first.url, text)
    return tuple(found.values())


def _absolute(url: str, base: str, href: str) -> str | None:
    try:
        address = urldefrag(urljoin(urljoin(url, base), href)).url
        return address if urlsplit(address).scheme in {"http", "https"} else None
    except ValueError:
        return None


def _bare(url: str) -> str:
    return url.split("://", 1)[-1].removeprefix("www.").rstrip("/")


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


def telling_links(page: Page) -> list[str]:
    """Order a page's links by what they tell of a company: one of each kind first, then the others.

    Pages that tell nothing (basket, terms, sign-in) and files are left out.
    """
    links = sorted(
        filter(_is_page, page.links), key=lambda link: urlsplit(link.url).path.rstrip("/").count("/")
    )
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


def _distinct(pages: Iterable[Page]) -> list[Page]:
    found: dict[str, Page] = {}
    for page in pages:
        found.setdefault(_bare(page.url), page)
    return list(found.values())
