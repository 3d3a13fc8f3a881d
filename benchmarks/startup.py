"""How long a person waits: from Enter to the first step of a month, against the import of LiteLLM alone.

    python -m benchmarks.startup

Both are started in turns as programs of their own, on files that the system has read before (``warm``). The first
step is seen by the first line of it on the terminal; the run is stopped there. Reading commands are held against
`posthub --help`.
"""

from __future__ import annotations

import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine
from store.embedded import EmbeddedServers

ROUNDS = 5
_FIRST_STEP = re.compile(rb"\bResearch\s+\d+/\d+")
_CODE = "import sys; from cli.main import main; sys.exit(main())"
_POSTHUB = (sys.executable, "-c", _CODE)
_LITELLM = (sys.executable, "-c", "import litellm")


def whole(command: tuple[str, ...], variables: Mapping[str, str]) -> float:
    """Seconds until a program has ended."""
    started = time.perf_counter()
    subprocess.run(_under(variables, command), capture_output=True, check=True)
    return time.perf_counter() - started


def _under(variables: Mapping[str, str], command: tuple[str, ...]) -> list[str]:
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *command]


def first_step(variables: Mapping[str, str]) -> float:
    """Seconds until a demo shows its first step; it is interrupted there, as a person would."""
    with tempfile.TemporaryDirectory(prefix="ph-bench-") as folder:
        command = (*_POSTHUB, "demo", "--approve", "none", "--out", str(Path(folder, "out")))
        started = time.perf_counter()
        process = subprocess.Popen(
            _under(variables, command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr
        found = next((time.perf_counter() for line in process.stderr if _FIRST_STEP.search(line)), None)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        process.wait()
    if found is None:
        raise RuntimeError("the demo ended before its first step")
    return found - started


def in_turns(*measured: Callable[[], float]) -> list[list[float]]:
    """Measure each once to warm up, and then in turns."""
    for each in measured:
        each()
    rounds = [[each() for each in measured] for _ in range(ROUNDS)]
    return [list(column) for column in zip(*rounds, strict=True)]


def figures(home: Path) -> dict[str, Any]:
    variables = {"POSTHUB_HOME": str(home), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    servers = EmbeddedServers(home, need_database=True, need_redis=True)
    litellm, cold = in_turns(lambda: whole(_LITELLM, variables), lambda: first_step(variables))
    addresses = servers.start()
    try:
        there = variables | {"DATABASE_URI": addresses.database_uri, "REDIS_URI": addresses.redis_uri}
        help_alone, runs, step = in_turns(
            lambda: whole((*_POSTHUB, "--help"), there),
            lambda: whole((*_POSTHUB, "runs"), there),
            lambda: first_step(there),
        )
    finally:
        servers.stop()
    return {
        "import_litellm_s": machine.spread(litellm),
        "first_step_s_starting_own_servers": machine.spread(cold),
        "first_step_s_servers_there": machine.spread(step),
        "help_s": machine.spread(help_alone),
        "runs_s_servers_there": machine.spread(runs),
        "first_step_ratio": _ratio(cold, litellm),
        "first_step_ratio_servers_there": _ratio(step, litellm),
        "runs_ratio": _ratio(runs, help_alone),
        "bars": {"first_step_ratio": "<= 1.2", "runs_ratio": "<= 2"},
    }


def _ratio(one: list[float], other: list[float]) -> float:
    return round(statistics.median(one) / statistics.median(other), 2)


def main() -> None:
    described = machine.description()
    home = Path(tempfile.mkdtemp(prefix="ph-bench-"))
    try:
        machine.keep("startup", described, figures(home))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
