"""How PostHub was installed: whether its packages are its own, which extras are there, where its graph is named."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from domain.errors import InfrastructureError

PACKAGES = (
    "app",
    "cli",
    "domain",
    "exports",
    "fetching",
    "gateway",
    "graph",
    "nodes",
    "prompts",
    "runtime",
    "sandbox",
    "store",
    "tools",
)
"""The packages of PostHub's wheel. They have plain names, so another distribution may bring one of the same name."""

_EXTRAS = {"sandbox": ("av", "starlette", "uvicorn"), "server": ("langgraph_cli", "langgraph_api")}
"""Extra → the modules that it brings."""

BY_ITSELF = (
    "Install PostHub by itself, with uv tool install or in a container: it is an application, not a library."
)


def check_packages(root: Path | None = None) -> None:
    """See to it that every package of PostHub is PostHub's own.

    Args:
        root: The folder that PostHub is installed in; by default the one this file was loaded from.

    Raises:
        InfrastructureError: Another distribution's package of the same name is found first, or has been
            installed over ours.
    """
    root = root or Path(__file__).resolve().parents[1]
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if found != root / name:
            raise _stranger(name, f"is found at {found}" if found else "is missing")
    for name in _changed(root):
        raise _stranger(name.partition("/")[0], f"has been written over by another distribution, see {name}")


def _stranger(package: str, what: str) -> InfrastructureError:
    return InfrastructureError(f"PostHub's package {package!r} {what}.", next_step=BY_ITSELF)


def _changed(root: Path) -> Iterator[str]:
    """Yield modules that are not those that were installed, where PostHub was installed from a wheel."""
    for record in root.glob("posthub-*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as file:
            for name, _, size in csv.reader(file):
                if name.endswith(".py") and size and not _has_size(root / name, int(size)):
                    yield name


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def need_extra(extra: str, what: str, otherwise: str = "") -> None:
    """Check that an extra of PostHub is installed.

    Args:
        extra: ``sandbox`` or ``server``.
        what: What needs it, as a person calls it: "The sandbox".
        otherwise: What else the person can do, as the beginning of a sentence: "Set a provider's key".

    Raises:
        InfrastructureError: It is not.
    """
    if all(importlib.util.find_spec(module) for module in _EXTRAS[extra]):
        return
    install = f"uv tool install --force '.[{extra}]' in PostHub's project folder"
    raise InfrastructureError(
        f"{what} is not installed: it is PostHub's extra {extra!r}.",
        next_step=f"{otherwise}, or install it: {install}." if otherwise else f"Install it: {install}.",
    )


def server_config() -> Path:
    """Return the path of ``langgraph.json``: inside this package in the wheel, beside it in a checkout."""
    here = Path(__file__).resolve().parent
    inside = here / "langgraph.json"
    return inside if inside.is_file() else here.parent / "langgraph.json"
