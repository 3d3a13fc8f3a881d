"""Addresses under which whoever was given them may see one file of one organization, for a while."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta

LIFETIME = timedelta(days=7)
ROUTE = "/files/"
"""Where the server answers for them."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """What an address stands for; ``expires_at`` in seconds since 1970."""

    organization: str
    key: str
    expires_at: int


@dataclass(frozen=True)
class FileLinks:
    """Signs addresses and reads them back.

    Args:
        secret: What they are signed with; every process that makes or answers them has the same.
        base: The server's address as its users write it, such as ``https://desk.example``; empty where none is known.
    """

    secret: bytes = field(repr=False)
    base: str

    def address(self, organization: str, key: str, now: datetime) -> str:
        """Return where a file can be seen for a week, the same all day; empty where no server's address is known."""
        if not self.base:
            return ""
        day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        shared = SharedFile(organization, key, int((day + LIFETIME).timestamp()))
        payload = _text(json.dumps(astuple(shared), separators=(",", ":")).encode())
        return f"{self.base}{ROUTE}{payload}.{self._signature(payload)}"

    def read(self, token: str, now: datetime) -> SharedFile | None:
        """Return what an address stands for; None where it was not signed here, or is too old."""
        payload, _, signature = token.partition(".")
        if not hmac.compare_digest(self._signature(payload).encode(), signature.encode("utf-8", "replace")):
            return None
        shared = SharedFile(*json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
        return shared if now.timestamp() < shared.expires_at else None

    def _signature(self, payload: str) -> str:
        told = f"posthub file {payload}".encode("utf-8", "replace")
        return _text(hmac.digest(self.secret, told, hashlib.sha256))


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
