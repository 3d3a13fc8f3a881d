"""Memory of one call in flight: the gateway against ``litellm.Router``, each in a process of its own.

    python -m benchmarks.memory

Three hundred calls wait for a slow answer at the same time; what the process has allocated for them is shared among
them, by tracemalloc. What its resident memory grew by is shown beside it, from processes of their own: it depends on
how much freed memory a process still had at hand, so it compares the two badly.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine, standin
from benchmarks.gateway_call import Make, gateway_call, router_call
from benchmarks.surroundings import services

IN_FLIGHT, ROUNDS, DELAY, LOOKED_AT = 300, 3, 9.0, 7.0


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def allocated_kib() -> int:
    return tracemalloc.get_traced_memory()[0] // 1024


async def grown(make: Make, kib: Callable[[], int]) -> float:
    """KiB for each of the calls that are in flight."""
    await asyncio.gather(*(make() for _ in range(20)))
    gc.collect()
    if kib is allocated_kib:
        tracemalloc.start()
    before = kib()
    calls = [asyncio.ensure_future(make()) for _ in range(IN_FLIGHT)]
    await asyncio.sleep(LOOKED_AT)
    assert not any(call.done() for call in calls), (
        "too slow a machine: calls ended before they were looked at"
    )
    grown_by = kib() - before
    await asyncio.gather(*calls)
    return grown_by / IN_FLIGHT


async def child(which: str, how: str, base_url: str) -> float:
    kib = allocated_kib if how == "allocated" else resident_kib
    if which == "router":
        return await grown(router_call(base_url), kib)
    async with services(base_url, POSTHUB_RATE_LIMITS="gemini=1000000") as opened:
        return await grown(gateway_call(opened.ports.gateway, organizations=50), kib)


def measured(*arguments: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    if len(sys.argv) == 4:
        sys.stdout.write(json.dumps(asyncio.run(child(*sys.argv[1:]))) + "\n")
        return
    described = machine.description()
    found: dict[str, list[float]] = {}
    with standin.running(DELAY) as base_url:
        for _ in range(ROUNDS):
            for which, how in itertools.product(("router", "gateway"), ("allocated", "resident")):
                found.setdefault(f"{which}_{how}", []).append(measured(which, how, base_url))
    pairs = zip(found["gateway_allocated"], found["router_allocated"], strict=True)
    figures: dict[str, Any] = {
        "allocated_ratio": machine.spread([gateway / router for gateway, router in pairs], 2),
        **{f"{name}_kib_per_call": machine.spread(each, 1) for name, each in found.items()},
        "in_flight": IN_FLIGHT,
        "bars": {"allocated_ratio": "<= 1.2"},
    }
    machine.keep("memory", described, figures)


if __name__ == "__main__":
    main()
