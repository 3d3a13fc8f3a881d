"""Memory of one call in flight: the gateway against ``litellm.Router``, each in a process of its own.

    python -m benchmarks.memory

Three hundred calls wait for a slow answer at the same time; what the process has grown by is shared among them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine, standin
from benchmarks.gateway_call import Make, gateway_call, router_call
from benchmarks.surroundings import services

IN_FLIGHT, ROUNDS, DELAY, LOOKED_AT = 300, 3, 8.0, 6.5


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def grown(make: Make) -> float:
    """KiB for each of the calls that are in flight."""
    await asyncio.gather(*(make() for _ in range(20)))
    gc.collect()
    before = resident_kib()
    calls = [asyncio.ensure_future(make()) for _ in range(IN_FLIGHT)]
    await asyncio.sleep(LOOKED_AT)
    assert not any(call.done() for call in calls), (
        "the machine is too slow: calls ended before they were looked at"
    )
    grown_by = resident_kib() - before
    await asyncio.gather(*calls)
    return grown_by / IN_FLIGHT


async def child(which: str, base_url: str) -> float:
    if which == "router":
        return await grown(router_call(base_url))
    async with services(base_url, POSTHUB_RATE_LIMITS="gemini=1000000") as opened:
        return await grown(gateway_call(opened.ports.gateway, organizations=50))


def measured(which: str, base_url: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", which, base_url]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    if len(sys.argv) == 3:
        sys.stdout.write(json.dumps(asyncio.run(child(*sys.argv[1:]))) + "\n")
        return
    described = machine.description()
    found: dict[str, list[float]] = {"router": [], "gateway": []}
    with standin.running(DELAY) as base_url:
        for _ in range(ROUNDS):
            for which, figures in found.items():
                figures.append(measured(which, base_url))
    figures_: dict[str, Any] = {
        f"{name}_kib_per_call": machine.spread(each, 1) for name, each in found.items()
    }
    ratios = [g / r for g, r in zip(found["gateway"], found["router"], strict=True)]
    bars = {"ratio": "<= 1.2"}
    machine.keep(
        "memory",
        described,
        figures_ | {"ratio": machine.spread(ratios, 2), "in_flight": IN_FLIGHT, "bars": bars},
    )


if __name__ == "__main__":
    main()
