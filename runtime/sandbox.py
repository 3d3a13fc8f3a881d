"""Runs the stand-in providers as a process of their own: product code never imports them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from domain.errors import InfrastructureError
from runtime.installation import need_extra
from store.folders import private_folder

_KEY = "sandbox"
"""The stand-ins take any key; this one says what it is wherever it shows up."""


@dataclass(frozen=True)
class Site:
    """A fictional company's website."""

    name: str
    url: str
    business_field: str


@dataclass
class Sandbox:
    """A running sandbox. It ends by itself when this process ends, however that happens."""

    base_url: str
    sites: Sequence[Site]
    bill: Path
    api_key: str
    _process: subprocess.Popen[str]

    @property
    def host(self) -> tuple[str, int]:
        parts = urlsplit(self.base_url)
        return (parts.hostname or "127.0.0.1", parts.port or 80)

    def stop(self) -> None:
        """Stop the process and wait for it."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def check() -> None:
    """Check that the sandbox is installed.

    Raises:
        InfrastructureError: It is not; says what to do.
    """
    need_extra("sandbox", "The sandbox of stand-in providers", "Set a provider's key")


def start(home: Path, seed: int) -> Sandbox:
    """Start the sandbox on a free port and wait until it listens. Blocks for about a second.

    Raises:
        InfrastructureError: It is not installed, or it did not start; the message carries what it said.
    """
    check()
    private_folder(home)
    log = (home / "sandbox.log").open("w", encoding="utf-8")
    with log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",  # what lies in the current folder is not ours to run
                "-m",
                "sandbox",
                "--port",
                "0",
                "--home",
                str(home),
                "--seed",
                str(seed),
                "--parent-stdin",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the run; the sandbox ends with it
        )
    ready = _ready(process.stdout)
    if ready is None:
        process.kill()
        process.wait()
        said = (home / "sandbox.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise InfrastructureError(
            f"The sandbox did not start: {said[-1] if said else 'it said nothing'}.",
            next_step=f"Look into {home / 'sandbox.log'}.",
        )
    sites = [Site(site["name"], site["url"], site.get("business_field", "")) for site in ready["sites"]]
    return Sandbox(ready["base_url"], sites, Path(ready["bill"]), _KEY, process)


def _ready(stdout: IO[str] | None) -> dict[str, Any] | None:
    line = stdout.readline() if stdout else ""
    try:
        ready = json.loads(line)
    except ValueError:
        return None
    return ready if isinstance(ready, dict) else None
