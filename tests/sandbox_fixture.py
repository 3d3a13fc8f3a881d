"""The sandbox as a fixture: one process of stand-in providers for the whole session, over real HTTP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

_ROOT = Path(__file__).parent.parent
for _name in ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"):
    os.environ[_name] = "True"  # tests that ask with LiteLLM itself talk to nobody but the sandbox


class SandboxServer:
    """A running ``python -m sandbox``. ``sites`` maps a company's name to the address of its website."""

    def __init__(self, home: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "sandbox", "--parent-stdin", "--home", str(home), *flags]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox did not start, exit status {self._process.wait(60)}")
        self.ready: dict[str, Any] = json.loads(line)
        self.base_url: str = self.ready["base_url"]
        self.bill_path = Path(self.ready["bill"])
        self.sites: dict[str, str] = {site["name"]: site["url"] for site in self.ready["sites"]}
        self._client = httpx.Client(base_url=self.base_url, timeout=300, trust_env=False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def bill(self, since: str = "") -> list[dict[str, Any]]:
        """Lines of the bill, all of them or those after a `mark`."""
        lines: list[dict[str, Any]] = self._client.get("/sandbox/bill", params={"since": since}).json()[
            "lines"
        ]
        return lines

    def total_micro(self, since: str = "") -> int:
        return sum(line["cost_micro_usd"] for line in self.bill(since))

    @staticmethod
    def mark() -> str:
        """A point in time for ``bill(since=…)``."""
        return datetime.now(UTC).isoformat(timespec="milliseconds")

    def fault(
        self,
        type: str,
        *,
        provider: str | None = None,
        path_contains: str | None = None,
        body_contains: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        **options: Any,
    ) -> None:
        """Misbehave for matching calls: ``fault("status", status=429, retry_after=2, provider="gemini", times=1)``."""
        match = {"provider": provider, "path_contains": path_contains, "body_contains": body_contains}
        rule = {
            "match": {name: value for name, value in match.items() if value is not None},
            "fault": {"type": type, **options},
            "times": times,
            "probability": probability,
        }
        self._client.post("/sandbox/faults", json=rule).raise_for_status()

    def clear_faults(self) -> None:
        self._client.delete("/sandbox/faults").raise_for_status()

    def stop(self) -> None:
        """Close its stdin, which ends it; then make sure."""
        self._client.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.kill(self._process.pid, 9)
            self._process.wait(60)
        if self._process.stdout is not None:
            self._process.stdout.close()


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    """One sandbox for the session, on a random port, with a home of its own."""
    home = Path(tempfile.mkdtemp(prefix="ph-sandbox-"))
    server = SandboxServer(home)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def sandbox(sandbox_server: SandboxServer) -> Iterator[SandboxServer]:
    """The session's sandbox without any faults, before and after."""
    sandbox_server.clear_faults()
    yield sandbox_server
    sandbox_server.clear_faults()
