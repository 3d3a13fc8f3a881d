"""Which addresses and names are this machine's own."""

from __future__ import annotations

import ipaddress


def is_loopback(name: str) -> bool:
    """Whether an address or name is this machine's own."""
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
