"""Fetching what strangers name: public web pages and media files, and nothing inside our own network.

An address is parsed once, resolved once, every resolved address has to be public, and the connection goes to
one of exactly those addresses, so that no second look-up can answer differently (DNS rebinding). Redirects
are followed by hand and each hop is checked like the first.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from socket import IPPROTO_TCP, SOCK_STREAM
from urllib.parse import urljoin

import httpx

from domain.errors import UnsafeUrl
from fetching import failures
from fetching.addresses import Hosts, IPAddress, Target, is_public, normalised, parse
from fetching.body import TooLarge, Undecodable, content_fits, declared_fits, read_capped, sniff
from fetching.cookies import Cookies

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host name and port in, IP addresses out; raises OSError where the name does not resolve."""

_USER_AGENT = "Mozilla/5.0 (compatible; PostHub/0.1)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS = 5.0
_TRY_AT_MOST = 3  # addresses of one host


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came. ``media_type`` is told by the content where its first bytes tell it, else by the server."""

    url: str
    final_url: str
    status: int
    media_type: str
    content: bytes
    charset: str | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """The limits of one fetch."""

    url: str
    headers: Mapping[str, str]
    max_bytes: int
    allowed: Hosts
    media_types: Collection[str]
    cookies: Cookies | None


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Resolve by the operating system, off the event loop's thread."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


class SafeFetcher:
    """Reads public http(s) addresses under caps of size, time and redirects.

    Args:
        allowed_private: (host, port) pairs that may be private, on any port: an operator's choice.
        max_bytes: Cap on the decompressed body, in bytes.
        total_seconds: Deadline of a whole fetch: look-up, redirects and body.
        silent_seconds: How long a server may send nothing; a large file may take longer, a dead one not.
        max_redirects: How many redirects are followed.
        resolver: Stands in for the operating system's resolver.
        tls: Stands in for the bundled certificate authorities, where a company has its own.
    """

    def __init__(
        self,
        *,
        allowed_private: Collection[tuple[str, int]] = (),
        max_bytes: int = 2_000_000,
        total_seconds: float = 20.0,
        silent_seconds: float = 20.0,
        max_redirects: int = 3,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = normalised(allowed_private)
        self._max_bytes = max_bytes
        self._total_seconds = total_seconds
        self._silent_seconds = silent_seconds
        self._max_redirects = max_redirects
        self._resolver = resolver or system_resolver
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or httpx.create_ssl_context(trust_env=False)

    def check(self, url: str) -> None:
        """Check an address without touching the network.

        Raises:
            UnsafeUrl: it must not be fetched.
        """
        parse(url, self._allowed)

    def onward(self, page: str, location: str) -> str:
        """Return the address that a page itself sends its readers on to, checked as that of a redirect.

        Raises:
            UnsafeUrl: A redirect to it would not be followed either.
        """
        return _next_hop(parse(page, self._allowed), location, page, self._allowed).url

    async def resolve_check(self, url: str) -> None:
        """Check an address and what its host resolves to.

        Raises:
            UnsafeUrl: it must not be fetched.
            FetchFailed: its host does not resolve (``reason="dns"``).
        """
        try:
            async with asyncio.timeout(self._total_seconds):
                await self._addresses(parse(url, self._allowed), self._allowed)
        except TimeoutError:
            raise failures.timed_out(url, self._total_seconds) from None

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        total_seconds: float | None = None,
        allowed_hosts: Collection[tuple[str, int]] = (),
        media_types: Collection[str] = (),
        cookies: Cookies | None = None,
    ) -> Fetched:
        """Fetch an address.

        Args:
            url: The whole address.
            headers: Sent to the first host only, and only where ``allowed_hosts`` names it, so that a key
                goes nowhere else.
            max_bytes: Cap of this fetch on the decompressed body.
            total_seconds: Deadline of this fetch.
            allowed_hosts: (host, port) pairs that this fetch may reach although they are private.
            media_types: What is accepted, such as ``text/html`` or ``image/*``; empty accepts everything.
            cookies: Those of the reading that this fetch belongs to; without it none is kept or sent.

        Raises:
            UnsafeUrl: the address must not be fetched, or redirects to one that must not be
                (``reason="redirect_inward"``) or to plain http (``"redirect_downgrade"``).
            FetchFailed: it could not be read; ``reason`` is ``dns``, ``unreachable``, ``tls``, ``timeout``,
                ``status``, ``too_large``, ``not_html``, ``wrong_type``, ``encoding``, ``redirects`` or
                ``protocol``.
        """
        own = normalised(allowed_hosts)
        first = parse(url, self._allowed | own)
        plan = _Plan(
            url=url,
            headers=dict(headers or {}) if first.place in own else {},
            max_bytes=self._max_bytes if max_bytes is None else max_bytes,
            allowed=self._allowed | own,
            media_types=tuple(media_types),
            cookies=cookies,
        )
        seconds = self._total_seconds if total_seconds is None else total_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._follow(first, plan)
        except TimeoutError:
            raise failures.timed_out(url, seconds) from None
        except httpx.TimeoutException:
            raise failures.timed_out(url, min(seconds, self._silent_seconds)) from None

    async def _follow(self, first: Target, plan: _Plan) -> Fetched:
        target = first
        for hop in range(self._max_redirects + 1):
            addresses = await self._hop_addresses(target, plan, redirected=hop > 0)
            headers = dict(plan.headers) if target.place == first.place else {}
            headers |= plan.cookies.header(target) if plan.cookies else {}
            async with self._response(target, addresses, headers) as response:
                if plan.cookies:
                    plan.cookies.take(target, response.headers.get_list("set-cookie"))
                location = response.headers.get("location")
                if response.status_code not in _REDIRECTS or location is None:
                    return await _read(response, target, plan)
            target = _next_hop(target, location, plan.url, plan.allowed)
        raise failures.too_many_redirects(plan.url, self._max_redirects)

    async def _hop_addresses(self, target: Target, plan: _Plan, *, redirected: bool) -> Sequence[IPAddress]:
        try:
            return await self._addresses(target, plan.allowed)
        except UnsafeUrl as error:
            raise (failures.inward(plan.url, target.url) if redirected else error) from None

    async def _addresses(self, target: Target, allowed: Hosts) -> Sequence[IPAddress]:
        literal = target.address
        found = [literal] if literal is not None else await self._resolve(target)
        if target.place not in allowed and not all(map(is_public, found)):
            raise failures.refused(target.url, "its host resolves into a private network", "private_address")
        return found

    async def _resolve(self, target: Target) -> Sequence[IPAddress]:
        try:
            names = await self._resolver(target.host, target.port)
            found = list(dict.fromkeys(map(ipaddress.ip_address, names)))
        except (OSError, ValueError):
            found = []
        if not found:
            raise failures.does_not_resolve(target.url, target.host)
        return found

    @asynccontextmanager
    async def _response(
        self, target: Target, addresses: Sequence[IPAddress], headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        # A client of its own for each hop: no connection and no credential outlives it.
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS, read=self._silent_seconds)
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout) as client:
            response = await self._connect(client, target, addresses, headers)
            try:
                yield response
            except httpx.TimeoutException:
                raise
            except httpx.TransportError as error:
                raise failures.broken(target.url, error) from None
            finally:
                await response.aclose()

    async def _connect(
        self,
        client: httpx.AsyncClient,
        target: Target,
        addresses: Sequence[IPAddress],
        headers: Mapping[str, str],
    ) -> httpx.Response:
        problem = ""
        for address in addresses[:_TRY_AT_MOST]:
            try:
                return await client.send(_pinned(client, target, address, headers), stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = str(error)
            except httpx.TimeoutException:
                raise
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise failures.broken(target.url, error) from None
        raise failures.unreachable(target.url, target.authority, problem)


def _pinned(
    client: httpx.AsyncClient, target: Target, address: IPAddress, headers: Mapping[str, str]
) -> httpx.Request:
    """The request dials ``address``; Host, SNI and the certificate check stay with the host's name."""
    host = f"[{address}]" if address.version == 6 else str(address)
    sent = httpx.Headers({"User-Agent": _USER_AGENT, **headers})
    sent.update({"Host": target.authority, "Accept-Encoding": "gzip"})
    return client.build_request(
        "GET",
        f"{target.scheme}://{host}:{target.port}{target.path}",
        headers=sent,
        extensions={} if target.address is not None else {"sni_hostname": target.host},
    )


def _next_hop(target: Target, location: str, url: str, allowed: Hosts) -> Target:
    try:
        following = parse(urljoin(target.url, location), allowed)
    except (UnsafeUrl, ValueError):
        raise failures.inward(url, location) from None
    if target.scheme == "https" and following.scheme == "http":
        raise failures.downgraded(url)
    return following


async def _read(response: httpx.Response, target: Target, plan: _Plan) -> Fetched:
    if not response.is_success:
        raise failures.bad_status(plan.url, response.status_code)
    declared = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if not declared_fits(declared, plan.media_types):
        raise failures.wrong_type(plan.url, declared, plan.media_types)
    content = await _content(response, plan)
    sniffed = sniff(content)
    if not content_fits(sniffed, plan.media_types):
        raise failures.wrong_type(plan.url, sniffed, plan.media_types)
    return Fetched(
        url=plan.url,
        final_url=target.url,
        status=response.status_code,
        media_type=sniffed or declared,
        content=content,
        charset=response.charset_encoding,
    )


async def _content(response: httpx.Response, plan: _Plan) -> bytes:
    encoding = response.headers.get("content-encoding", "")
    length = response.headers.get("content-length", "")
    try:
        if not encoding and length.isdecimal() and int(length[:20]) > plan.max_bytes:
            raise TooLarge
        return await read_capped(response.aiter_raw(), encoding, plan.max_bytes)
    except TooLarge:
        raise failures.too_large(plan.url, plan.max_bytes) from None
    except Undecodable as error:
        raise failures.undecodable(plan.url, str(error)) from None
