"""Three months of three organizations at once on `posthub serve`, against one alone.

    python -m benchmarks.three_months [--rounds 3] [--seconds 3]

The sandbox stands in for every provider in a process of its own and takes its seconds for each answer, as providers do.
Each month is made whole and by itself, from the request to the package; one alone and three at once take turns on one
server.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from langgraph_sdk import get_client

from benchmarks import machine
from runtime.children import free_port
from runtime.settings import environment_with

_NAMES = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
_START_SECONDS = 180
_NUMBERS = itertools.count(1)


@contextmanager
def sandbox(home: Path, seconds: float) -> Iterator[dict[str, Any]]:
    """Stand-ins that take their time; yields what they say of themselves."""
    command = [sys.executable, "-P", "-m", "sandbox", "--parent-stdin", "--home", str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        rule = {"match": {}, "fault": {"type": "slow", "seconds": seconds}, "times": None, "probability": 1.0}
        httpx.post(f"{ready['base_url']}/sandbox/faults", json=rule).raise_for_status()
        yield ready
        process.communicate()  # closes its stdin, which ends it


@contextmanager
def server(home: Path, base_url: str) -> Iterator[str]:
    """`posthub serve` as it is started by default; yields its address."""
    parts = urlsplit(base_url)
    environment = {
        **environment_with({}),
        "DATABASE_URI": "",
        "REDIS_URI": "",
        **{f"{name}_API_KEY": "benchmark" for name in _NAMES},
        **{f"{name}_BASE_URL": base_url for name in _NAMES},
        "POSTHUB_HOME": str(home),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": f"{parts.hostname}:{parts.port}",
        "POSTHUB_MONTHLY_BUDGET_USD": "100000",
        "POSTHUB_VIDEO_POLL_SECONDS": "0.5",
    }
    port = free_port("127.0.0.1", 0)
    command = [str(Path(sys.executable).with_name("posthub")), "serve", "--port", str(port)]
    with (home.with_suffix(".log")).open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{address}/ok").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The server did not start.")


async def month(address: str, request: dict[str, Any]) -> None:
    """Make a month of a new organization, on a thread."""
    client = get_client(url=address)
    thread = (await client.threads.create())["thread_id"]
    context = {"organization": f"organization-{next(_NUMBERS)}", "tier": "ultimate", "approve": "auto"}
    made: Any = await client.runs.wait(thread, "month", input=request, context=context, durability="sync")
    assert {card["status"] for card in made["packages"].values()} == {"approved"}


async def at_once(address: str, request: dict[str, Any], months: int) -> float:
    """Seconds until all of some months are done that begin together."""
    begun = time.perf_counter()
    await asyncio.gather(*(month(address, request) for _ in range(months)))
    return time.perf_counter() - begun


async def measure(address: str, request: dict[str, Any], rounds: int) -> dict[str, Any]:
    await at_once(address, request, 1)  # what is loaded on the first use
    one, three = [], []
    for _ in range(rounds):
        one.append(await at_once(address, request, 1))
        three.append(await at_once(address, request, 3))
    return {
        "one_month_seconds": machine.spread(one, 1),
        "three_months_seconds": machine.spread(three, 1),
        "three_to_one_ratio": round(statistics.median(three) / statistics.median(one), 2),
        "bars": {"three_to_one_ratio": "<= 1.3"},
    }


def run(rounds: int, seconds: float) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="ph-bench-"))
    folder.chmod(0o755)  # PostgreSQL must reach its own under another user
    try:
        with (
            sandbox(folder / "sandbox", seconds) as ready,
            server(folder / "home", ready["base_url"]) as address,
        ):
            site = ready["sites"][0]
            request = {"company": site["name"], "website": site["url"], "month": "next", "posts": 2}
            found = asyncio.run(measure(address, request, rounds))
        return {"seconds_of_an_answer": seconds, **found}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    described = machine.description()
    machine.keep("three_months", described, run(given.rounds, given.seconds))


if __name__ == "__main__":
    main()
