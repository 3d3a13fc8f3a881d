"""Where every choice of the sandbox comes from: a hash of the seed and of what was asked.

Nothing depends on the order of calls, on time or on the process, so that a repeated run gives the same month.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from typing import Any

_OWN_HOST = re.compile(r"(https?://)(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?")


def normalise(text: str) -> str:
    """Take the port out of loopback addresses: the sandbox listens on another one every time."""
    return _OWN_HOST.sub(r"\1sandbox", text)


def canonical(value: Any) -> str:
    """One spelling for one request, whatever the order of its keys."""
    return normalise(
        json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    )


def fingerprint(*parts: object) -> str:
    """Hex SHA-256 over the parts, told apart by an unused separator."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()


def rng(*parts: object) -> random.Random:
    """A random source that is the same for the same parts on every machine."""
    return random.Random(int(fingerprint(*parts), 16))
