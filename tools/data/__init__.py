"""Words and bounds that tools go by, as dated data."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> Any:
    """Read ``<name>.json`` of this package once; the caller must not change what it gets."""
    return json.loads(files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
