"""Which addresses are refused, and that a refusal opens no socket. The ids are those of the attack list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from domain.errors import FetchFailed, InvalidInput, UnsafeUrl
from fetching.fetcher import SafeFetcher

REFUSED = {
    "S1-loopback": "http://127.0.0.1/",
    "S2-localhost": "http://localhost/",
    "S3-short": "http://127.1/",
    "S4-zero": "http://0/",
    "S5-any": "http://0.0.0.0/",
    "S6-decimal": "http://2130706433/",
    "S7-hex": "http://0x7f000001/",
    "S8-dotted-hex": "http://0x7f.0.0.1/",
    "S9-dotted-octal": "http://0177.0.0.1/",
    "S10-octal": "http://017700000001/",
    "S11-v6-loopback": "http://[::1]/",
    "S12-v6-any": "http://[::]/",
    "S13-v4-mapped": "http://[::ffff:127.0.0.1]/",
    "S14-v4-mapped-hex": "http://[::ffff:7f00:1]/",
    "S15-v4-mapped-metadata": "http://[::ffff:169.254.169.254]/",
    "S16-nat64": "http://[64:ff9b::7f00:1]/",
    "S16-nat64-local": "http://[64:ff9b:1::7f00:1]/",
    "S17-6to4": "http://[2002:7f00:1::]/",
    "S18-link-local-zone": "http://[fe80::1%25eth0]/",
    "S18-global-zone": "http://[2606:4700::1111%25eth0]/",
    "S19-v6-metadata": "http://[fd00:ec2::254]/",
    "S19-teredo": "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "S19-v6-multicast": "http://[ff02::1]/",
    "S19-v6-documentation": "http://[3fff::1]/",
    "S20-metadata": "http://169.254.169.254/latest/meta-data/",
    "S21-google-metadata": "http://metadata.google.internal/",
    "S22-alibaba-metadata": "http://100.100.100.200/",
    "S23-oracle-metadata": "http://192.0.0.192/",
    "S23-6to4-relay": "http://192.88.99.1/",
    "S24-ten": "http://10.0.0.1/",
    "S25-one-seven-two": "http://172.16.0.1/",
    "S26-one-nine-two": "http://192.168.1.1/",
    "S27-carrier-grade-nat": "http://100.64.0.1/",
    "S27-multicast": "http://224.0.0.1/",
    "S27-broadcast": "http://255.255.255.255/",
    "S28-file": "file:///etc/passwd",
    "S29-gopher": "gopher://example.com/",
    "S30-ftp": "ftp://example.com/",
    "S31-dict": "dict://example.com:11211/",
    "S32-javascript": "javascript:alert(1)",
    "S33-data": "data:text/html,hi",
    "S34-no-scheme": "//example.com/",
    "S34-bare-name": "example.com",
    "S35-one-slash": "http:/example.com/",
    "S36-jar": "jar:http://example.com/!/",
    "S37-userinfo": "http://user:pw@example.com/",
    "S38-user-then-loopback": "http://evil@127.0.0.1/",
    "S39-loopback-as-user": "http://127.0.0.1@evil.com/",
    "S40-backslash": "http://evil.com\\@127.0.0.1/",
    "S41-encoded-slash": "http://evil.com%2f@127.0.0.1/",
    "S42-redis-port": "http://example.com:6379/",
    "S42-ssh-port": "http://example.com:22/",
    "S42-zero-port": "http://example.com:0/",
    "S43-port-too-high": "http://example.com:99999/",
    "S43-port-below-zero": "http://example.com:-1/",
    "S44-other-https-port": "https://example.com:8443/",
    "S45-circled-digits": "http://①②⑦.⓪.⓪.①/",
    "S46-ideographic-dots": "http://127。0。0。1/",
    "S47-fullwidth": "http://１２７.０.０.１/",
    "S47-fullwidth-name": "http://ｌｏｃａｌｈｏｓｔ/",
    "S48-tab": "http://exam\tple.com/",
    "S48-line-break": "http://example.com/\r\nHost: evil",
    "S48-space": "http://example.com/a b",
    "S48-leading-space": " http://example.com/",
    "S48-nul": "http://example.com/\x00",
    "S49-percent-encoded": "http://%31%32%37.0.0.1/",
    "S50-trailing-dot": "http://localhost./",
    "S50-address-with-trailing-dot": "http://127.0.0.1./",
    "S51-below-localhost": "http://foo.localhost/",
    "S52-single-label": "http://redis/",
    "S53-cluster": "http://x.svc.cluster.local/",
    "S54-empty-host": "http:///",
    "S54-two-dots": "http://example..com/",
    "S54-broken-bracket": "http://[::1/",
    "S54-too-long": "http://example.com/" + "a" * 3000,
    "S54-label-too-long": "http://" + "a" * 64 + ".com/",
    "J-lone-surrogate": "http://example.com/\ud800",
}

GOOD = [
    "http://example.com",
    "https://www.kavarna-u-mostu.cz/o-nas?lang=cs#tym",
    "https://EXAMPLE.com./",
    "https://příliš-žluťoučký.cz/",
    "https://Kavárna.cz/nabídka",
    "https://xn--kavrna-qta.cz/",
    "http://example.com:443/",
    "https://93.184.216.34/",
    "https://[2606:4700:4700::1111]/",
    "http://evil.com#@127.0.0.1/",
    "https://example.com/@nekdo",
    "https://a_b.example.com/",
]


@dataclass
class Names:
    """A resolver that answers from a list, one answer a question, the last one for ever."""

    answers: list[Sequence[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise OSError("Name or service not known")
        return answer


@dataclass
class Listener:
    """A real listening socket that counts who connects."""

    port: int = 0
    connections: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    counter = Listener()
    server = await asyncio.start_server(counter.accept, "127.0.0.1", 0)
    counter.port = server.sockets[0].getsockname()[1]
    async with server:
        yield counter


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
async def test_an_address_that_is_not_public_is_refused_before_any_look_up(url: str) -> None:
    names = Names([["127.0.0.1"]])
    fetcher = SafeFetcher(resolver=names)
    for attempt in (fetcher.get, fetcher.resolve_check):
        with pytest.raises(UnsafeUrl) as caught:
            await attempt(url)
        assert caught.value.next_step
        assert isinstance(caught.value, InvalidInput)
        assert caught.value.exit_status == 2
    with pytest.raises(UnsafeUrl):
        fetcher.check(url)
    assert names.asked == []


@pytest.mark.parametrize("url", GOOD)
async def test_a_public_address_passes(url: str) -> None:
    fetcher = SafeFetcher(resolver=Names([["93.184.216.34", "2606:4700::1111"]]))
    fetcher.check(url)
    await fetcher.resolve_check(url)


LOOPBACK_SPELLINGS = [
    "127.0.0.1",
    "localhost",
    "127.1",
    "0",
    "2130706433",
    "0x7f000001",
    "[::ffff:127.0.0.1]",
]


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_no_socket_is_opened_for_a_refused_address(host: str, listener: Listener) -> None:
    fetcher = SafeFetcher()
    with pytest.raises(UnsafeUrl):
        await fetcher.get(f"http://{host}:{listener.port}/")
    assert listener.connections == 0
    allowed = SafeFetcher(allowed_private=[("127.0.0.1", listener.port)])
    assert (await allowed.get(f"http://127.0.0.1:{listener.port}/")).content == b"hi"
    assert listener.connections == 1, "the listener would have counted a connection"


async def test_the_allow_list_is_for_one_host_and_one_port(listener: Listener) -> None:
    fetcher = SafeFetcher(allowed_private=[("127.0.0.1", listener.port + 1), ("localhost", listener.port)])
    with pytest.raises(UnsafeUrl):
        await fetcher.get(f"http://127.0.0.1:{listener.port}/")
    assert listener.connections == 0


async def test_the_allow_list_takes_names_and_brackets_as_they_are_written() -> None:
    fetcher = SafeFetcher(allowed_private=[("LocalHost.", 8123), ("[::1]", 9000)])
    fetcher.check("http://localhost:8123/")
    fetcher.check("http://[0:0:0:0:0:0:0:1]:9000/")


INWARD_ANSWERS = {
    "private": ["10.0.0.1"],
    "mixed-public-and-private": ["93.184.216.34", "127.0.0.1"],
    "v4-mapped-aaaa": ["::ffff:127.0.0.1"],
    "nat64": ["64:ff9b::7f00:1"],
    "link-local-with-zone": ["fe80::1%eth0"],
    "metadata": ["169.254.169.254"],
}


@pytest.mark.parametrize("answer", INWARD_ANSWERS.values(), ids=INWARD_ANSWERS.keys())
async def test_a_name_with_any_private_address_is_refused(answer: list[str]) -> None:
    with pytest.raises(UnsafeUrl) as caught:
        await SafeFetcher(resolver=Names([answer])).get("http://firma.example.com/")
    assert caught.value.details["reason"] == "private_address"


async def test_nat64_to_a_public_address_is_public() -> None:
    await SafeFetcher(resolver=Names([["64:ff9b::5db8:d822"]])).resolve_check("http://example.com/")


async def test_a_name_is_resolved_once_and_the_connection_goes_to_that_answer(listener: Listener) -> None:
    names = Names([["127.0.0.1"], ["192.0.2.1"]])
    place = ("firma.example.com", listener.port)
    fetched = await SafeFetcher(allowed_private=[place], resolver=names).get(f"http://{place[0]}:{place[1]}/")
    assert fetched.content == b"hi"
    assert names.asked == [place]


async def test_a_name_that_turns_inward_after_the_check_is_refused_at_the_fetch() -> None:
    fetcher = SafeFetcher(resolver=Names([["93.184.216.34"], ["127.0.0.1"]]))
    await fetcher.resolve_check("http://rebind.example.com/")
    with pytest.raises(UnsafeUrl) as caught:
        await fetcher.get("http://rebind.example.com/")
    assert caught.value.details["reason"] == "private_address"


async def test_a_name_that_does_not_resolve_says_so() -> None:
    with pytest.raises(FetchFailed) as caught:
        await SafeFetcher(resolver=Names([[]])).get("https://neexistuje.example.cz/")
    assert caught.value.details["reason"] == "dns"
    assert "neexistuje.example.cz does not resolve" in str(caught.value)


async def test_a_resolver_that_hangs_meets_the_deadline() -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    fetcher = SafeFetcher(resolver=hang, total_seconds=0.05)
    for attempt in (fetcher.get, fetcher.resolve_check):
        with pytest.raises(FetchFailed) as caught:
            await attempt("https://example.com/")
        assert caught.value.details["reason"] == "timeout"


async def test_a_message_shows_neither_password_nor_query() -> None:
    with pytest.raises(UnsafeUrl) as caught:
        await SafeFetcher().get("http://user:hunter2@10.0.0.1/a?key=hunter3#hunter4")
    assert "hunter" not in str(caught.value)
    assert "hunter" not in str(caught.value.as_json())


def test_an_ideographic_dot_in_a_real_name_is_a_dot() -> None:
    SafeFetcher().check("https://kavarna。cz/")
