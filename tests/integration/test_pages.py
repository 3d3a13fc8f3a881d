"""Reading pages and sites from a real server on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from domain.errors import FetchFailed, UnsafeUrl
from fetching.fetcher import SafeFetcher
from fetching.pages import PageReader
from tools.page import read_page_tool

LONG = "Pražíme výběrovou kávu v malých dávkách a posíláme ji po celé zemi. " * 20


@dataclass
class Site:
    """Serves pages by path: HTML, an address to redirect to, a status, or None to never answer."""

    pages: dict[str, str | int | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0
    cookie_wall: bool = False
    """Whether whoever brings no cookie is given one and sent to the same page again."""
    cookies: list[str] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.asked.append(path)
        self.cookies.append(
            next((line[8:] for line in head.split("\r\n") if line.startswith("Cookie: ")), "")
        )
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.02)
        try:
            walled = self.cookie_wall and path != "/robots.txt" and not self.cookies[-1]
            page = self.url(path) if walled else self.pages.get(path, 404)
            await self._answer(page, reader, writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(
        self, page: str | int | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if page is None:
            await reader.read()
            return
        redirect = str(page).startswith("http://")
        status = page if isinstance(page, int) else 302 if redirect else 200
        body = page.encode() if isinstance(page, str) and not redirect else b""
        head = f"HTTP/1.1 {status} S\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}"
        location = f"\r\nLocation: {page}" if redirect else ""
        location += "\r\nSet-Cookie: seen=1; Path=/; HttpOnly\r\nSet-Cookie: bad=\x01" if redirect else ""
        writer.write(f"{head}{location}\r\n\r\n".encode() + body)
        await writer.drain()


def html(title: str, *hrefs: str, text: str = LONG) -> str:
    links = " ".join(f'<a href="{href}">{href.strip("/")}</a>' for href in hrefs)
    return f'<html lang="cs"><head><title>{title}</title></head><body>{links}<p>{text}</p></body></html>'


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    started = Site()
    server = await asyncio.start_server(started.serve, "127.0.0.1", 0)
    started.port = server.sockets[0].getsockname()[1]
    yield started
    server.close()


@pytest.fixture
def reader(site: Site) -> PageReader:
    return PageReader(SafeFetcher(allowed_private=[("127.0.0.1", site.port)], total_seconds=10))


async def test_a_page_is_read_with_title_text_language_and_links(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html(
        "Kavárna", "/o-nas", "/o-nas/", "#kotva", "/", "mailto:a@b.cz", "https://jinde.cz/", "//["
    )
    page = await reader.read(site.url())
    assert (page.url, page.title, page.language) == (site.url(), "Kavárna", "cs")
    assert "Pražíme výběrovou kávu" in page.text
    assert [link.url for link in page.links] == [site.url("/o-nas")]
    assert not page.truncated


async def test_a_long_text_is_cut_between_words(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html("Kavárna")
    page = await reader.read(site.url(), max_chars=100)
    assert page.truncated
    assert len(page.text) <= 100
    assert LONG.startswith(page.text)
    assert LONG[len(page.text)] == " "


async def test_the_address_after_a_redirect_is_the_pages_address(site: Site, reader: PageReader) -> None:
    site.pages |= {"/": site.url("/o-nas"), "/o-nas": html("O nás")}
    assert (await reader.read(site.url())).url == site.url("/o-nas")


async def test_a_site_is_its_start_page_and_its_most_telling_pages(site: Site, reader: PageReader) -> None:
    paths = ["/kariera", "/blog", "/kontakt", "/sluzby", "/reference", "/o-nas", "/kosik"]
    site.pages["/"] = html("Úvod", *paths)
    site.pages |= {path: html(path) for path in paths}
    pages = await reader.read_site(site.url(), max_pages=4)
    assert [page.title for page in pages] == ["Úvod", "/o-nas", "/sluzby", "/reference"]
    assert len(site.asked) == 5 and site.asked[0] == "/robots.txt"


async def test_at_most_three_pages_are_asked_for_at_once(site: Site, reader: PageReader) -> None:
    paths = [f"/strana-{count}" for count in range(10)]
    site.pages["/"] = html("Úvod", *paths)
    site.pages |= {path: html(path) for path in paths}
    assert len(await reader.read_site(site.url(), max_pages=11)) == 11
    assert site.most_at_once == 3


async def test_a_page_that_fails_is_left_out_with_a_note(site: Site, reader: PageReader) -> None:
    site.pages |= {
        "/": html("Úvod", "/o-nas", "/sluzby", "/kontakt"),
        "/o-nas": 500,
        "/sluzby": html("Služby"),
    }
    notes: list[str] = []
    pages = await reader.read_site(site.url(), on_skip=notes.append)
    assert [page.title for page in pages] == ["Úvod", "Služby"]
    assert sorted(note.rsplit(" ", 1)[1] for note in notes) == ["404.", "500."]
    assert [page.title for page in await reader.read_site(site.url())] == ["Úvod", "Služby"]


async def test_a_start_page_that_fails_is_an_error(site: Site, reader: PageReader) -> None:
    with pytest.raises(FetchFailed) as caught:
        await reader.read_site(site.url("/nic"))
    assert caught.value.details["reason"] == "status"


async def test_a_private_start_page_is_refused(site: Site) -> None:
    with pytest.raises(UnsafeUrl):
        await PageReader(SafeFetcher()).read_site(site.url())
    assert site.asked == []


async def test_a_slow_page_does_not_hold_up_the_site(site: Site) -> None:
    fetcher = SafeFetcher(allowed_private=[("127.0.0.1", site.port)], total_seconds=30)
    site.pages |= {"/": html("Úvod", "/o-nas", "/sluzby"), "/o-nas": None, "/sluzby": html("Služby")}
    notes: list[str] = []
    pages = await PageReader(fetcher, site_seconds=1.0).read_site(site.url(), on_skip=notes.append)
    assert [page.title for page in pages] == ["Úvod", "Služby"]
    assert notes == ["1 pages were left out: the site took over 1 s."]


async def test_a_page_that_leads_to_another_is_taken_once(site: Site, reader: PageReader) -> None:
    site.pages |= {
        "/": html("Úvod", "/o-nas", "/sluzby"),
        "/o-nas": html("O nás"),
        "/sluzby": site.url("/o-nas"),
    }
    assert [page.title for page in await reader.read_site(site.url())] == ["Úvod", "O nás"]


async def test_a_page_that_leads_off_the_site_is_not_part_of_it(site: Site) -> None:
    other = Site()
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    other.port = server.sockets[0].getsockname()[1]
    other.pages["/o-nas"] = html("Jiná firma")
    allowed = [("127.0.0.1", site.port), ("127.0.0.1", other.port)]
    site.pages |= {"/": html("Úvod", "/ven"), "/ven": other.url("/o-nas")}
    async with server:
        pages = await PageReader(SafeFetcher(allowed_private=allowed)).read_site(site.url())
    assert [page.title for page in pages] == ["Úvod"]
    assert other.asked == ["/o-nas"]


async def test_the_page_tool_answers_with_plain_json(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html("Kavárna", "/o-nas")
    answer = await read_page_tool(reader).ainvoke({"url": site.url()})
    assert json.loads(json.dumps(answer)) == answer
    assert (answer["title"], answer["language"], answer["truncated"]) == ("Kavárna", "cs", False)
    assert answer["links"] == [{"url": site.url("/o-nas"), "text": "o-nas"}]


REFRESHES = {
    "plain": '<meta http-equiv="refresh" content="0; url=/cs/">',
    "upper case, no space, quoted": "<META HTTP-EQUIV='Refresh' CONTENT=\"0;URL='/cs/'\">",
    "without url=": '<meta http-equiv="refresh" content="0;/cs/">',
    "with a comma and a fraction": '<meta http-equiv=refresh content="0.5, URL = cs/">',
    "for those without a script": '<noscript><meta http-equiv="refresh" content="1;url=/cs/"></noscript>',
    "from a base": '<base href="/cs/x/"><meta http-equiv="refresh" content="0;url=../">',
    "a script": '<script>window.location.href = "/cs/";</script>',
    "a script that replaces": "<script>\nif (1) { document.location.replace('/cs/') }</script>",
    "a script of one word": "<script>location='/cs/'</script>",
    "frames": '<frameset cols="*"><frame src="/cs/"><frame src="/gone"></frameset>',
    "a frame inside": '<body>Vítejte<iframe src="/cs/"></iframe></body>',
}


@pytest.mark.parametrize("start", REFRESHES.values(), ids=REFRESHES)
async def test_a_page_that_only_sends_on_is_the_page_behind_it(
    start: str, site: Site, reader: PageReader
) -> None:
    site.pages |= {
        "/": f"<html><head><title>Úvod</title>{start}</head></html>",
        "/cs/": html("Firma", "/cs/o-nas"),
    }
    pages = {"/cs/o-nas": html("O nás")}
    site.pages |= pages
    found = await reader.read_site(site.url())
    assert "výběrovou kávu" in found[0].text
    assert [page.url for page in found[1:]] == [site.url("/cs/o-nas")]


@pytest.mark.parametrize(
    "content", ["300; url=/else", "60", "0", "0; url=/", "5; url="], ids=lambda one: str(one).replace("/", "")
)
async def test_a_page_that_reloads_itself_or_moves_on_after_minutes_is_the_page(
    content: str, site: Site, reader: PageReader
) -> None:
    head = f'<meta http-equiv="refresh" content="{content}"><script>location.href="/script"</script>'
    site.pages["/"] = html("Firma").replace("<title>", head + "<title>")
    assert (await reader.read(site.url())).title == "Firma"
    assert site.asked == ["/robots.txt", "/"]


async def test_a_refresh_is_followed_five_times_and_a_circle_ends(site: Site, reader: PageReader) -> None:
    for hop in range(9):
        site.pages[f"/{hop}"] = f'<meta http-equiv="refresh" content="0;url=/{hop + 1}">'
    site.pages["/5"] = html("Cíl")
    assert (await reader.read(site.url("/0"))).title == "Cíl"
    site.pages["/5"] = '<meta http-equiv="refresh" content="0;url=/6">'
    with pytest.raises(FetchFailed, match="more than 5 times") as caught:
        await reader.read(site.url("/0"))
    assert caught.value.details["reason"] == "redirects"
    site.pages |= {f"/{a}": f'{a}<meta http-equiv="refresh" content="0;url=/{b}">' for a, b in ("ab", "ba")}
    assert (await reader.read(site.url("/a"))).text in {"a", "b"}


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest",
        "http://localhost/",
        "file:///etc/passwd",
        "http://[::1]/",
        "//10.0.0.1/x",
    ],
)
async def test_a_page_sends_nobody_inward(target: str, site: Site, reader: PageReader) -> None:
    site.pages["/"] = f'<meta http-equiv="refresh" content="0;url={target}">'
    with pytest.raises(UnsafeUrl):
        await reader.read(site.url())
    site.pages["/"] = f'Firma<frameset><frame src="{target}"></frameset><script>location="{target}"</script>'
    with suppress(UnsafeUrl):
        assert (await reader.read(site.url())).text in {"Firma", ""}
    assert site.asked == ["/robots.txt", "/"] * 2


async def test_cookies_are_kept_within_one_reading_and_sent_to_their_host_alone(
    site: Site, reader: PageReader
) -> None:
    site.pages |= {"/": html("Firma", "/o-nas", "/firma"), "/o-nas": html("O nás"), "/firma": html("Firma 2")}
    site.cookie_wall = True
    assert [page.title for page in await reader.read_site(site.url())] == ["Firma", "O nás", "Firma 2"]
    assert site.asked.count("/") == 2  # set by the first answer, brought by the second request
    site.cookies.clear()
    await reader.read(site.url())
    assert site.cookies[0] == ""  # another reading begins without


ROBOTS = {
    "all closed": ("User-agent: *\nDisallow: /", False),
    "closed to us": ("User-agent: PostHub\nDisallow: /\n\nUser-agent: *\nAllow: /", False),
    "closed to us in another case": ("user-agent: posthub\ndisallow: /", False),
    "open to us alone": ("User-agent: PostHub\nAllow: /\n\nUser-agent: *\nDisallow: /", True),
    "open": ("User-agent: *\nDisallow:", True),
    "a folder closed": ("User-agent: *\nDisallow: /o-nas", True),
    "the longer rule counts": ("User-agent: *\nDisallow: /\nAllow: /$", True),
    "with a mark and comments": ("\ufeff# nobody\nUser-agent: *  # all\nDisallow: / # all", False),
    "no rules but a page": ("<html>Nenalezeno</html>", True),
    "not found": (404, True),
    "forbidden": (403, True),
    "not to be known": (503, False),
}


@pytest.mark.parametrize(("rules", "readable"), ROBOTS.values(), ids=ROBOTS)
async def test_robots_txt_is_obeyed_but_for_ones_own_sites(
    rules: str | int, readable: bool, site: Site
) -> None:
    site.pages |= {"/robots.txt": rules, "/": html("Firma", "/o-nas"), "/o-nas": html("O nás")}
    fetcher = SafeFetcher(allowed_private=[("127.0.0.1", site.port)])
    skipped: list[str] = []
    if readable:
        pages = await PageReader(fetcher).read_site(site.url(), on_skip=skipped.append)
        closed = isinstance(rules, str) and ("/o-nas" in rules or "$" in rules)
        assert [page.title for page in pages] == (["Firma"] if closed else ["Firma", "O nás"])
        assert bool(skipped) == closed and site.asked.count("/robots.txt") == 1
    else:
        with pytest.raises(FetchFailed, match="POSTHUB_OWN_SITES") as caught:
            await PageReader(fetcher).read_site(site.url())
        assert caught.value.details["reason"] == "robots" and "/" not in site.asked
    own = PageReader(fetcher, own_sites=["127.0.0.1"])
    assert len(await own.read_site(site.url())) == 2


CHALLENGES = (
    "Checking your browser before accessing firma.cz.", "Just a moment...", "Attention Required! | Cloudflare",
    "Verify you are human by completing the action below.", "Enable JavaScript and cookies to continue",
    "Pardon Our Interruption", "Request unsuccessful. Incapsula incident ID: 123-456", "DDoS protection by DDoS-Guard",
    "Please enable JS and disable any ad blocker", "One moment, please... Your request is being verified",
    "Ověřte, že jste člověk", "Vercel Security Checkpoint", "Access Denied. Reference #18.2d351ab8",
)  # fmt: skip


async def test_a_check_of_browsers_is_no_page_of_a_company(site: Site, reader: PageReader) -> None:
    for words in CHALLENGES:
        site.pages["/"] = f"<html><head><title>firma.cz</title></head><body><h1>{words}</h1></body></html>"
        skipped: list[str] = []
        assert await reader.read_site(site.url(), on_skip=skipped.append) == [], words
        assert "left out" in skipped[0]
    site.pages["/"] = html("Jak funguje Cloudflare", text=LONG * 3 + "Checking your browser…")
    assert len(await reader.read_site(site.url())) == 1


async def test_the_pages_of_a_folder_come_before_those_of_its_neighbours(
    site: Site, reader: PageReader
) -> None:
    links = ("/jina-firma/o-nas", "/o-nas", "/sub/firma/kontakt", "/sub/firma/o-nas", "/sub/firma-b/o-nas")
    site.pages |= {
        path: html(path, *links) for path in ("/sub/firma/", "/sub/firma", "/sub/firma/index.html", *links)
    }
    for start in ("/sub/firma/", "/sub/firma", "/sub/firma/index.html"):
        pages = await reader.read_site(site.url(start))
        assert {page.title for page in pages[1:]} == {"/sub/firma/o-nas", "/sub/firma/kontakt"}
    site.pages["/sub/firma/"] = html("Firma", "/jina-firma/o-nas")
    assert len(await reader.read_site(site.url("/sub/firma/"))) == 2
    site.pages |= {
        "/": site.url("/cs/"),
        "/cs/": html("Úvod", "/o-nas", "/cs/kontakt"),
        "/cs/kontakt": html("Kontakt"),
    }
    assert (
        len(await reader.read_site(site.url())) == 3
    )  # a host of its own, whatever its start page redirects to


async def test_what_is_damaged_on_a_page_is_restored_or_said(site: Site, reader: PageReader) -> None:
    site.pages["/"] = html("Firma", text=LONG + "KavĂˇrna a šálky")
    skipped: list[str] = []
    (page,) = await reader.read_site(site.url(), on_skip=skipped.append)
    assert "Kavárna a šálky" in page.text and "restored" in skipped[0]
    for text, said in (("Kav\ufffdrna", "U+FFFD"), ("ÄŚaj a šálky", "wrong charset")):
        site.pages["/"] = html("Firma", text=LONG + text)
        await reader.read_site(site.url(), on_skip=skipped.append)
        assert said in skipped[-1]
