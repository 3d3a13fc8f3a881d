"""Calls a second at 50 at once: the gateway with everything on against a LiteLLM proxy that is installed apart.

    uv venv DIR && uv pip install --python DIR/bin/python "litellm[proxy]==1.106.2"
    python -m benchmarks.proxy --litellm DIR/bin/litellm [--database-url postgresql://…]

The proxy tracks spend only with its own database, and its database client is fetched from binaries.prisma.sh when it is
first used. Where that cannot be reached, leave ``--database-url`` out: the proxy then books nothing and is
measured at its fastest; the result says which it was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine, standin
from benchmarks.gateway_call import AT_ONCE, gateway_call, together
from benchmarks.surroundings import services

ROUNDS, CALLS, PORT = 4, 150, 41873
_CONFIG = """
model_list:
  - model_name: plain
    litellm_params: {{model: gemini/gemini-3.8-flash, api_key: benchmark, api_base: "{base_url}/v1beta"}}
litellm_settings: {{num_retries: 0, telemetry: false}}
general_settings: {{master_key: sk-benchmark}}
"""


@contextmanager
def proxy(program: str, base_url: str, database_url: str | None) -> Iterator[str]:
    """Run the proxy with one worker; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(_CONFIG.format(base_url=base_url), encoding="utf-8")
        environment = {
            "PATH": f"{Path(program).parent}:{os.defpath}",
            "HOME": folder,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        if database_url:
            environment["DATABASE_URL"] = database_url
        command = [
            program,
            "--config",
            str(config),
            "--port",
            str(PORT),
            "--host",
            "127.0.0.1",
            "--num_workers",
            "1",
        ]
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_until_alive(process)
            yield f"http://127.0.0.1:{PORT}"
        finally:
            process.kill()
            process.wait(10)


def _wait_until_alive(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{PORT}/health/liveliness", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    raise RuntimeError(f"the proxy did not start, exit status {process.poll()}")


async def measure(base_url: str, proxy_url: str) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    headers = {"Authorization": "Bearer sk-benchmark"}
    async with (
        services(base_url, POSTHUB_RATE_LIMITS="gemini=1000000") as opened,
        httpx.AsyncClient(
            base_url=proxy_url, headers=headers, limits=limits, timeout=60, trust_env=False
        ) as client,
    ):
        ours = gateway_call(opened.ports.gateway, organizations=50)

        async def theirs() -> None:
            messages = [{"role": "user", "content": "Napiš třicet slov o kávě."}]
            body = {"model": "plain", "max_tokens": 500, "messages": messages}
            (await client.post("/v1/chat/completions", json=body)).raise_for_status()

        found: dict[str, list[float]] = {"gateway": [], "proxy": []}
        for number in range(ROUNDS + 1):
            for name, make in {"gateway": ours, "proxy": theirs}.items():
                rate, _ = await together(make, CALLS, AT_ONCE)
                if number:
                    found[name].append(rate)
    ratio = [ours / theirs for ours, theirs in zip(*found.values(), strict=True)]
    rates = {f"{name}_per_second": machine.spread(each, 1) for name, each in found.items()}
    return rates | {"ratio": machine.spread(ratio, 2), "at_once": AT_ONCE, "bars": {"ratio": ">= 3"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--litellm", required=True, help="the litellm program of the proxy's own environment")
    parser.add_argument("--database-url", help="PostgreSQL of the proxy; without it, it tracks no spend")
    arguments = parser.parse_args()
    described = machine.description()
    with (
        standin.running() as base_url,
        proxy(arguments.litellm, base_url, arguments.database_url) as proxy_url,
    ):
        figures = asyncio.run(measure(base_url, proxy_url))
    machine.keep("proxy", described, {"proxy_tracks_spend": bool(arguments.database_url), **figures})


if __name__ == "__main__":
    main()
