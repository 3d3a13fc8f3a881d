"""Fetching from a real server on loopback that misbehaves in every way that a public one may."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.errors import FetchFailed, UnsafeUrl
from fetching.fetcher import SafeFetcher

Writer = asyncio.StreamWriter
Answer = Callable[[Writer], Awaitable[None]]
PAGE = b"<!doctype html><html><body><p>Dobr\xc3\xbd den</p></body></html>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
HTML = ("text/html", "application/xhtml+xml")


@dataclass
class Server:
    """Answers raw bytes by path and keeps what it was asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            path = head.split(" ")[1].split("?")[0]
            await self.answers.get(path, whole(b"nic", status="404 Not Found"))(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.gone.set()
            writer.close()


def whole(body: bytes, *headers: str, status: str = "200 OK", media_type: str = "text/html") -> Answer:
    async def answer(writer: Writer) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Length: {len(body)}",
            f"Content-Type: {media_type}",
            *headers,
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer


def redirect(location: str, status: str = "302 Found") -> Answer:
    return whole(b"", f"Location: {location}", status=status)


def streamed(head: str, chunk: bytes, *, pause: float = 0, count: int = 10**9) -> Answer:
    """Send a head, then the same bytes again and again."""

    async def answer(writer: Writer) -> None:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        for _ in range(count):
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


@asynccontextmanager
async def running(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with running() as started:
        yield started


@pytest.fixture
def fetcher(server: Server) -> SafeFetcher:
    return SafeFetcher(allowed_private=[server.place], total_seconds=10)


async def reason_of(attempt: Awaitable[object]) -> str:
    with pytest.raises(FetchFailed) as caught:
        await attempt
    assert caught.value.next_step
    return str(caught.value.details["reason"])


async def test_a_page_comes_with_its_type_charset_and_final_address(
    server: Server, fetcher: SafeFetcher
) -> None:
    server.answers["/"] = whole(PAGE, media_type="text/html; charset=UTF-8")
    fetched = await fetcher.get(server.url("/?q=1#kotva"), media_types=HTML)
    assert fetched.content == PAGE
    assert (fetched.status, fetched.media_type, fetched.charset) == (200, "text/html", "utf-8")
    assert fetched.final_url == server.url("/?q=1")


async def test_czech_letters_in_a_path_are_sent_percent_encoded(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/o-n%C3%A1s"] = whole(PAGE)
    assert (await fetcher.get(server.url("/o-nás"))).content == PAGE


async def test_a_gzipped_page_is_unpacked(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/"] = whole(gzip.compress(PAGE), "Content-Encoding: gzip")
    assert (await fetcher.get(server.url("/"))).content == PAGE


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_a_redirect_within_the_site_is_followed(
    server: Server, fetcher: SafeFetcher, status: str
) -> None:
    server.answers["/"] = redirect("uvod", status)
    server.answers["/uvod"] = whole(PAGE)
    assert (await fetcher.get(server.url("/"))).final_url == server.url("/uvod")


async def test_three_redirects_are_followed_and_a_fourth_is_not(server: Server, fetcher: SafeFetcher) -> None:
    for hop in range(4):
        server.answers[f"/{hop}"] = redirect(f"/{hop + 1}")
    server.answers["/4"] = whole(PAGE)
    assert (await fetcher.get(server.url("/1"))).final_url == server.url("/4")
    assert await reason_of(fetcher.get(server.url("/0"))) == "redirects"


async def test_a_redirect_loop_ends(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/"] = redirect("/")
    assert await reason_of(fetcher.get(server.url("/"))) == "redirects"
    assert len(server.heads) == 4


INWARD = [
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost/",
    "//10.0.0.1/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "http://0x7f.1/",
    "http://user:pw@example.com/",
    "http://[",
    "http://127.0.0.1:1/",
]


@pytest.mark.parametrize("location", INWARD)
async def test_a_redirect_inward_is_refused(server: Server, fetcher: SafeFetcher, location: str) -> None:
    server.answers["/"] = redirect(location)
    with pytest.raises(UnsafeUrl) as caught:
        await fetcher.get(server.url("/"))
    assert caught.value.details["reason"] == "redirect_inward"
    assert caught.value.exit_status == 2
    assert "pw" not in str(caught.value)


async def test_a_redirect_inward_opens_no_socket_there(server: Server, fetcher: SafeFetcher) -> None:
    async with running() as inner:
        server.answers["/"] = redirect(inner.url("/admin"))
        with pytest.raises(UnsafeUrl):
            await fetcher.get(server.url("/"))
        assert inner.heads == []


async def test_a_redirect_to_a_name_that_resolves_inward_is_refused(server: Server) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    server.answers["/"] = redirect("http://rebind.example.com/")
    fetcher = SafeFetcher(allowed_private=[server.place], resolver=resolver)
    with pytest.raises(UnsafeUrl) as caught:
        await fetcher.get(server.url("/"))
    assert caught.value.details["reason"] == "redirect_inward"


async def test_cookies_and_credentials_of_the_environment_are_never_sent(
    server: Server, fetcher: SafeFetcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password hunter2")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answers["/"] = whole(b"", "Set-Cookie: a=b; Path=/", "Location: /dva", status="302 Found")
    server.answers["/dva"] = whole(PAGE)
    await fetcher.get(server.url("/"))
    sent = "".join(server.heads).lower()
    assert "cookie" not in sent
    assert "authorization" not in sent


async def test_a_key_goes_to_the_configured_host_and_is_not_carried_to_the_next(server: Server) -> None:
    async with running() as storage:
        server.answers["/file"] = redirect("/file2")
        server.answers["/file2"] = redirect(storage.url("/blob"))
        storage.answers["/blob"] = whole(PNG, media_type="image/png")
        fetched = await SafeFetcher(allowed_private=[storage.place]).get(
            server.url("/file"), headers={"x-key": "tajny", "host": "evil"}, allowed_hosts=[server.place]
        )
        assert fetched.content == PNG
        assert all("x-key: tajny" in head.lower() for head in server.heads)
        assert "tajny" not in storage.heads[0]
        assert server.heads[0].lower().count("host:") == 1
        assert f"Host: 127.0.0.1:{server.port}" in server.heads[0]


async def test_a_key_is_not_sent_to_a_host_that_the_call_does_not_name(
    server: Server, fetcher: SafeFetcher
) -> None:
    server.answers["/"] = whole(PAGE)
    await fetcher.get(server.url("/"), headers={"x-key": "tajny"}, allowed_hosts=[("api.example.com", 443)])
    assert "tajny" not in server.heads[0]


async def test_the_allowed_host_of_one_call_is_not_allowed_to_the_next(server: Server) -> None:
    server.answers["/"] = whole(PAGE)
    fetcher = SafeFetcher()
    await fetcher.get(server.url("/"), allowed_hosts=[server.place])
    with pytest.raises(UnsafeUrl):
        await fetcher.get(server.url("/"))
    assert len(server.heads) == 1


async def test_a_100_mb_page_is_refused_by_its_announced_length(server: Server, fetcher: SafeFetcher) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 100000000"
    server.answers["/"] = streamed(head, b"a" * 65_536)
    assert await reason_of(fetcher.get(server.url("/"))) == "too_large"


async def test_an_endless_body_is_cut_at_the_cap(server: Server, fetcher: SafeFetcher) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nTransfer-Encoding: chunked"
    server.answers["/"] = streamed(head, b"10000\r\n" + b"a" * 65_536 + b"\r\n")
    assert await reason_of(fetcher.get(server.url("/"))) == "too_large"
    await asyncio.wait_for(server.gone.wait(), 5)


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


async def test_a_gzip_bomb_never_unfolds(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/"] = whole(bomb(500), "Content-Encoding: gzip")
    tracemalloc.start()
    try:
        assert await reason_of(fetcher.get(server.url("/"))) == "too_large"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


async def test_an_endless_gzip_header_is_cut(server: Server) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Encoding: gzip"
    named = b"\x1f\x8b\x08\x08" + bytes(6)

    async def endless_name(writer: Writer) -> None:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + named)
        await streamed("", b"a" * 65_536)(writer)

    server.answers["/"] = endless_name
    fetcher = SafeFetcher(allowed_private=[server.place], total_seconds=10)
    assert await reason_of(fetcher.get(server.url("/"))) in {"too_large", "encoding"}
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_bytes_after_the_end_of_a_gzip_stream_are_not_read(
    server: Server, fetcher: SafeFetcher
) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Encoding: gzip"

    async def padded(writer: Writer) -> None:
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + gzip.compress(PAGE))
        for _ in range(10**9):
            writer.write(bytes(65_536))
            await writer.drain()

    server.answers["/"] = padded
    assert (await fetcher.get(server.url("/"))).content == PAGE
    await asyncio.wait_for(server.gone.wait(), 5)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (PAGE, "gzip"),
        (gzip.compress(PAGE)[:-12], "gzip"),
        (PAGE, "br"),
        (gzip.compress(gzip.compress(PAGE)), "gzip, gzip"),
    ],
    ids=["not-gzip", "cut-gzip", "not-asked-for", "twice"],
)
async def test_a_body_that_cannot_be_unpacked_says_so(
    server: Server, fetcher: SafeFetcher, body: bytes, encoding: str
) -> None:
    server.answers["/"] = whole(body, f"Content-Encoding: {encoding}")
    assert await reason_of(fetcher.get(server.url("/"))) == "encoding"


async def test_a_dripping_body_meets_the_deadline(server: Server, fetcher: SafeFetcher) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 1000"
    server.answers["/"] = streamed(head, b"a", pause=0.02, count=1000)
    assert await reason_of(fetcher.get(server.url("/"), total_seconds=0.3)) == "timeout"
    await asyncio.wait_for(server.gone.wait(), 5)


async def test_dripping_headers_meet_the_deadline(server: Server, fetcher: SafeFetcher) -> None:
    async def drip(writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for count in range(10_000):
            writer.write(b"X-%d: a\r\n" % count)
            await writer.drain()
            await asyncio.sleep(0.02)

    server.answers["/"] = drip
    assert await reason_of(fetcher.get(server.url("/"), total_seconds=0.3)) == "timeout"


async def test_a_server_that_falls_silent_is_given_up_long_before_the_deadline(server: Server) -> None:
    async def half(writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<html>")
        await writer.drain()
        await asyncio.sleep(30)

    server.answers["/"] = half
    fetcher = SafeFetcher(allowed_private=[server.place], total_seconds=20, silent_seconds=0.2)
    assert await asyncio.wait_for(reason_of(fetcher.get(server.url("/"))), 5) == "timeout"


async def test_a_silent_server_meets_the_deadline(server: Server, fetcher: SafeFetcher) -> None:
    async def silence(writer: Writer) -> None:
        await asyncio.sleep(30)

    server.answers["/"] = silence
    assert await reason_of(fetcher.get(server.url("/"), total_seconds=0.2)) == "timeout"


async def test_a_hundred_thousand_headers_are_refused(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/"] = whole(PAGE, *(f"X-{count}: a" for count in range(100_000)))
    assert await reason_of(fetcher.get(server.url("/"))) == "protocol"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [(PNG, "image/png"), (PNG, "text/html"), (b"%PDF-1.7", "text/html"), (gzip.compress(PAGE), "text/html")],
    ids=["png", "png-claiming-html", "pdf-claiming-html", "gzip-claiming-html"],
)
async def test_what_is_not_html_is_refused_where_a_page_is_wanted(
    server: Server, fetcher: SafeFetcher, body: bytes, media_type: str
) -> None:
    server.answers["/"] = whole(body, media_type=media_type)
    assert await reason_of(fetcher.get(server.url("/"), media_types=HTML)) == "not_html"


@pytest.mark.parametrize("media_type", ["text/html", "image/png", "application/octet-stream"])
async def test_html_is_refused_where_an_image_is_wanted(
    server: Server, fetcher: SafeFetcher, media_type: str
) -> None:
    server.answers["/"] = whole(PAGE, media_type=media_type)
    assert await reason_of(fetcher.get(server.url("/"), media_types=["image/*"])) == "wrong_type"


async def test_a_png_sent_as_octets_is_known_by_its_first_bytes(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/"] = whole(PNG, media_type="application/octet-stream")
    fetched = await fetcher.get(server.url("/"), media_types=["image/png", "image/jpeg"])
    assert fetched.media_type == "image/png"


@pytest.mark.parametrize("status", ["403 F", "404 N", "429 T", "500 E", "304 N"])
async def test_a_status_that_is_no_success_names_itself(
    server: Server, fetcher: SafeFetcher, status: str
) -> None:
    server.answers["/"] = whole(b"", status=status)
    with pytest.raises(FetchFailed) as caught:
        await fetcher.get(server.url("/"))
    assert caught.value.details["reason"] == "status"
    assert caught.value.details["status"] == int(status[:3])


async def test_a_body_cut_short_is_no_page(server: Server, fetcher: SafeFetcher) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 1000"
    server.answers["/"] = streamed(head, b"a", count=10)
    assert await reason_of(fetcher.get(server.url("/"))) == "protocol"


async def test_a_server_that_speaks_no_http_is_no_page(server: Server, fetcher: SafeFetcher) -> None:
    server.answers["/"] = streamed("220 mail.example.com ESMTP", b"", count=1)
    assert await reason_of(fetcher.get(server.url("/"))) == "protocol"


async def test_a_closed_port_is_unreachable(server: Server) -> None:
    async with running() as closing:
        place = closing.place
    fetcher = SafeFetcher(allowed_private=[place])
    assert await reason_of(fetcher.get(f"http://{place[0]}:{place[1]}/")) == "unreachable"


async def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(server: Server) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        return ["::1", "127.0.0.1"]

    server.answers["/"] = whole(PAGE)
    place = ("firma.example.com", server.port)
    fetcher = SafeFetcher(allowed_private=[place], resolver=resolver)
    assert (await fetcher.get(f"http://{place[0]}:{place[1]}/")).content == PAGE
    assert f"Host: firma.example.com:{server.port}" in server.heads[0]


def certificate_for(host: str, folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{host}.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(path)
    return path, serving


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_over_tls_the_name_is_sent_and_checked_although_an_address_is_dialled(tmp_path: Path) -> None:
    pem, serving = certificate_for("firma.example.com", tmp_path)
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    trusting = ssl.create_default_context(cafile=str(pem))
    async with running(serving) as server:
        server.answers["/"] = whole(PAGE)
        places = [("firma.example.com", server.port), ("jina.example.com", server.port)]
        fetcher = SafeFetcher(allowed_private=places, resolver=to_loopback, tls=trusting)
        assert (await fetcher.get(f"https://firma.example.com:{server.port}/")).content == PAGE
        assert names == ["firma.example.com"]
        assert await reason_of(fetcher.get(f"https://jina.example.com:{server.port}/")) == "tls"
        untrusting = SafeFetcher(allowed_private=places, resolver=to_loopback)
        assert await reason_of(untrusting.get(f"https://firma.example.com:{server.port}/")) == "tls"
        assert len(server.heads) == 1


async def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    pem, serving = certificate_for("firma.example.com", tmp_path)
    async with running(serving) as server, running() as plain:
        server.answers["/"] = redirect(plain.url("/"))
        place = ("firma.example.com", server.port)
        fetcher = SafeFetcher(
            allowed_private=[place, plain.place],
            resolver=to_loopback,
            tls=ssl.create_default_context(cafile=str(pem)),
        )
        with pytest.raises(UnsafeUrl) as caught:
            await fetcher.get(f"https://{place[0]}:{place[1]}/")
        assert caught.value.details["reason"] == "redirect_downgrade"
        assert plain.heads == []


async def test_a_cancelled_fetch_lets_go_of_its_connection(server: Server, fetcher: SafeFetcher) -> None:
    head = "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 1000"
    server.answers["/"] = streamed(head, b"a", pause=0.01, count=1000)
    fetching = asyncio.create_task(fetcher.get(server.url("/")))
    while not server.heads:
        await asyncio.sleep(0.01)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    await asyncio.wait_for(server.gone.wait(), 5)
