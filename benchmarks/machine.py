"""What a figure was measured on, and where it is kept; nothing that names a host, a user or a folder."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("litellm", "httpx", "sqlalchemy", "psycopg", "langgraph")


def description() -> dict[str, Any]:
    """Cores, memory, versions, and how busy the machine was with other work."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 1),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
    }


def keep(name: str, machine: dict[str, Any], figures: dict[str, Any]) -> None:
    """Print the figures and store them as ``results/<name>.json``."""
    whole = {"benchmark": name, "machine": machine, **figures}
    text = json.dumps(whole, indent=1, ensure_ascii=False)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """The middle of the rounds, and the least and most of them: the noise."""
    return {
        "median": round(statistics.median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
        "rounds": len(values),
    }
