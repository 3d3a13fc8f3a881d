"""p50 of a call that the cache answers, and of one that the journal answers.

python -m benchmarks.cache_hit
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from benchmarks import machine, standin
from benchmarks.gateway_call import alone
from benchmarks.surroundings import services
from domain.calls import Call, JobKind, TextRequest

ROUNDS, CALLS = 5, 200
_numbers = itertools.count()
_ASK = TextRequest("text", "Jsi autor.", "Napiš třicet slov o kávě.", 500)


def _call(item: str) -> Call:
    return Call("org", "company", "run", "ultimate", JobKind.GENERATE_BLOGPOST, "bench", item)


async def measure(base_url: str) -> dict[str, Any]:
    cached: list[float] = []
    replayed: list[float] = []
    async with services(
        base_url, POSTHUB_RATE_LIMITS="gemini=1000000", POSTHUB_CACHE_TTL="text=3600"
    ) as opened:
        gateway = opened.ports.gateway

        async def hit() -> Any:
            served = (await gateway.text(_call(f"i-{next(_numbers)}"), _ASK)).served
            assert served.cached, "the cache did not answer"

        async def replay() -> Any:
            assert (await gateway.text(_call("first"), _ASK)).served.replayed

        await gateway.text(_call("first"), _ASK)
        for number in range(ROUNDS + 1):
            pair = await alone(hit, CALLS), await alone(replay, CALLS)
            if number:
                cached.append(pair[0])
                replayed.append(pair[1])
    bars = {"cache_hit_ms": "<= 1"}
    return {
        "cache_hit_ms": machine.spread(cached),
        "journal_replay_ms": machine.spread(replayed),
        "bars": bars,
    }


def main() -> None:
    described = machine.description()
    with standin.running() as base_url:
        machine.keep("cache_hit", described, asyncio.run(measure(base_url)))


if __name__ == "__main__":
    main()
