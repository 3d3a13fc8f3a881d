"""Reads the dated tables: ``<package>/data/<name>.json``, each figure with its source and the day it was verified."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(package: str, name: str) -> Any:
    """Read a table once; the caller must not change what it gets."""
    return json.loads(files(package).joinpath(f"data/{name}.json").read_text(encoding="utf-8"))
