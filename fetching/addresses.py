"""Which web addresses are public: URL forms, host names, IP ranges. Nothing here opens a socket."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

from domain.errors import InvalidInput
from fetching.failures import refused

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Hosts = Collection[tuple[str, int]]

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_LENGTH = 2048
"""Characters; longer addresses are cut by browsers and servers anyway (sitemaps.org sets the same cap)."""

# RFC 6761, 6762, 8375, 9476 and ICANN's 2024 reservation of .internal, with what routers and clusters use.
_INWARD_SUFFIXES = frozenset(
    (
        *("localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan"),
        *("arpa", "onion", "alt", "invalid"),
    )
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

# IANA special-purpose registries, as far as Python 3.11's `is_global` lets them through.
_EXTRA_V4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_EXTRA_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2002::/16", "3fff::/20")))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """One parsed address: what to resolve, what to dial and what to ask for."""

    scheme: str
    host: str
    """ASCII, lower case, without trailing dot or brackets."""
    port: int
    path: str
    """Path and query as given; never empty."""

    @property
    def place(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def address(self) -> IPAddress | None:
        """The host as an IP address, or None where it is a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """Value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def is_public(address: IPAddress) -> bool:
    """True for an address on the public internet.

    IPv4 inside IPv6 (mapped, NAT64) counts as the IPv4 address; 6to4 and Teredo are never public.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return _is_public_v4(address)
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(address.packed[-4:]))
    return (
        address in _GLOBAL_UNICAST_V6 and address.is_global and not any(address in net for net in _EXTRA_V6)
    )


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in net for net in _EXTRA_V4)


def parse(url: str, allowed: Hosts = ()) -> Target:
    """Parse an address once and check everything that can be checked without the network.

    Args:
        url: The whole address, scheme included.
        allowed: (host, port) pairs that may be private and on any port.

    Raises:
        UnsafeUrl: scheme, port, credentials, spelling or host are not those of a public web address.
    """
    _check_characters(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise refused(url, "it is not a well-formed web address", "malformed") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise refused(url, "only http:// and https:// are read", "scheme")
    if "@" in parts.netloc:
        raise refused(url, "it carries a user name or password", "userinfo")
    host = _normalised_host(url, parts.hostname or "", bracketed="[" in parts.netloc)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port, path)
    if target.place not in normalised(allowed):
        _check_public(url, target)
    return target


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL_LENGTH:
        raise refused(url, f"it is longer than {MAX_URL_LENGTH} characters", "length")
    if any(char.isspace() or not char.isprintable() or char == "\\" for char in url):
        raise refused(url, "it contains a space, a control character or a backslash", "characters")


def normalised(allowed: Hosts) -> frozenset[tuple[str, int]]:
    return frozenset((host.lower().strip("[]").removesuffix("."), port) for host, port in allowed)


def _normalised_host(url: str, host: str, *, bracketed: bool) -> str:
    if bracketed:
        return _ipv6_literal(url, host)
    name = _ascii_name(url, host).removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise refused(url, "its host name is not valid", "host")
    if _NUMERIC_LABEL.fullmatch(labels[-1]) and not (host.isascii() and _is_dotted_quad(name)):
        raise refused(url, "its host is a number that is no plain IPv4 address", "host")
    return name


def _ipv6_literal(url: str, host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        raise refused(url, "its host is no valid IPv6 address", "host") from None
    if address.scope_id is not None:
        raise refused(url, "its host names a network interface", "host")
    return str(address)


def _ascii_name(url: str, host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host.lower(), std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise refused(url, "its host name uses characters that host names do not have", "host") from None


def _is_dotted_quad(name: str) -> bool:
    try:
        return str(ipaddress.IPv4Address(name)) == name
    except ValueError:
        return False


def _check_public(url: str, target: Target) -> None:
    if target.port not in DEFAULT_PORTS.values():
        raise refused(url, f"port {target.port} is not a public web port", "port")
    address = target.address
    if address is not None:
        if not is_public(address):
            raise refused(url, "it points into a private network", "private_address")
        return
    labels = target.host.split(".")
    if len(labels) < 2 or labels[-1] in _INWARD_SUFFIXES:
        raise refused(url, "its host is a name inside a private network", "private_name")


def read_own_sites(value: str) -> frozenset[str]:
    """Read ``host,host``: sites whose robots.txt is not asked.

    Raises:
        InvalidInput: An entry is no host name.
    """
    hosts = frozenset(part.strip().lower().removeprefix("www.") for part in value.split(",") if part.strip())
    for host in hosts:
        if not all(_LABEL.fullmatch(label) for label in host.split(".")):
            raise InvalidInput(
                f"POSTHUB_OWN_SITES has the entry {host[:80]!r}.",
                next_step="Write host names alone, separated by commas, such as firma.cz,blog.firma.cz.",
            )
    return hosts
