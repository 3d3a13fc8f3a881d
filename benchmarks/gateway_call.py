"""A gateway call with everything on against ``litellm.Router.acompletion``: time added alone, calls a second of 50.

    python -m benchmarks.gateway_call

Both speak to the same stand-in in turns, round by round, so that what else the machine does hits both.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks import machine, standin
from benchmarks.surroundings import services
from domain.calls import Call, JobKind, TextRequest

ROUNDS, ALONE, TOGETHER, AT_ONCE = 5, 80, 300, 50
_numbers = itertools.count()
Make = Callable[[], Awaitable[Any]]


async def alone(make: Make, count: int) -> float:
    """p50 in ms of one call after the other."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        await make()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


async def together(make: Make, count: int, at_once: int) -> tuple[float, float]:
    """Calls a second, and calls a second of this process's own CPU time."""
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await make()

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return count / (time.perf_counter() - begun), count / (time.process_time() - cpu)


def router_call(base_url: str) -> Make:
    """The Router as the product configures it, with none of the product's hooks around it."""
    from litellm.router import Router

    deployment = {
        "model_name": "plain",
        "litellm_params": {
            "model": "gemini/gemini-3.8-flash",
            "api_key": "benchmark",
            "api_base": f"{base_url}/v1beta",
        },
    }
    router = Router(model_list=[deployment], num_retries=0, disable_cooldowns=True)

    async def make() -> Any:
        text = f"Napiš třicet slov o kávě, číslo {next(_numbers)}."
        messages: Any = [{"role": "system", "content": "Jsi autor."}, {"role": "user", "content": text}]
        return await router.acompletion(model="plain", messages=messages, max_tokens=500)

    return make


def gateway_call(gateway: Any, organizations: int = 1) -> Make:
    """A call that has never been made before: journal, hold, provider, settle, answer stored."""

    async def make() -> Any:
        number = next(_numbers)
        organization = f"org-{number % organizations}"
        call = Call(
            organization, "company", "run", "ultimate", JobKind.GENERATE_BLOGPOST, "bench", f"i-{number}"
        )
        text = f"Napiš třicet slov o kávě, číslo {number}."
        return await gateway.text(call, TextRequest("text", "Jsi autor.", text, 500))

    return make


async def measure(base_url: str) -> dict[str, Any]:
    async with services(base_url, POSTHUB_RATE_LIMITS="gemini=1000000") as opened:
        import litellm

        makes = {
            "router": router_call(base_url),
            "gateway": gateway_call(opened.ports.gateway, organizations=50),
        }
        hooks = list(litellm.callbacks)
        figures: dict[str, list[float]] = {}
        for number in range(ROUNDS + 1):
            for name, make in makes.items():
                # the product's hooks refuse a call that no attempt is booked for
                litellm.callbacks = hooks if name == "gateway" else []
                p50 = await alone(make, ALONE)
                rate, per_core = await together(make, TOGETHER, AT_ONCE)
                if number:  # the first round warms up
                    for key, value in {"p50_ms": p50, "per_second": rate, "per_core": per_core}.items():
                        figures.setdefault(f"{name}_{key}", []).append(value)
        litellm.callbacks = hooks
    added = [g - r for g, r in zip(figures["gateway_p50_ms"], figures["router_p50_ms"], strict=True)]
    p50s = zip(added, figures["router_p50_ms"], strict=True)
    cores = zip(figures["gateway_per_core"], figures["router_per_core"], strict=True)
    return {
        "added_p50_ms_alone": machine.spread(added),
        "added_over_routers_p50": machine.spread([each / router for each, router in p50s]),
        "per_core_over_routers": machine.spread([gateway / router for gateway, router in cores]),
        "bars": {"added_p50_ms_alone": "<= 2", "gateway_per_core": ">= 200"},
        **{name: machine.spread(values, 2) for name, values in figures.items()},
    }


def main() -> None:
    described = machine.description()
    with standin.running() as base_url:
        machine.keep("gateway_call", described, asyncio.run(measure(base_url)))


if __name__ == "__main__":
    main()
