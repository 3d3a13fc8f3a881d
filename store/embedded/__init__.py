"""PostgreSQL and Valkey of our own, from wheels, where no address of real ones is configured."""

from __future__ import annotations

from store.embedded.servers import Addresses, EmbeddedServers

__all__ = ["Addresses", "EmbeddedServers"]
