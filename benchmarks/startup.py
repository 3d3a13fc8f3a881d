"""How long a person waits: from Enter to the first step of a month, against the import of LiteLLM alone.

    python -m benchmarks.startup

All are started in turns as programs of their own, by wall clock and by the program's own processor time. The servers
are there: where PostgreSQL has to be started first, its start comes on top. A first round, not counted, writes Python's
bytecode, which every installation has after its first start, into a folder of its own. The first step is seen by the
first line of it on the terminal; the run is killed there.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from store.embedded import EmbeddedServers

LONG_ROUNDS, SHORT_ROUNDS = 3, 7
_FIRST_STEP = re.compile(rb"\bResearch\s+\d+/\d+")
_CODE = "import sys; from cli.main import main; sys.exit(main())"
_POSTHUB = (sys.executable, "-c", _CODE)
_LITELLM = (sys.executable, "-c", "import os, litellm; os._exit(0)")
"""Ends with the import: taking an interpreter with LiteLLM in it down takes another fifth, and nobody waits for it."""
_DRIVER = (sys.executable, "-c", "import psycopg")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Took:
    """Seconds of one start."""

    wall: float
    processor: float


def whole(command: Sequence[str], variables: Mapping[str, str]) -> Took:
    """Measure a program until it has ended."""
    before, started = _used_by_children(), time.perf_counter()
    subprocess.run(_under(variables, command), capture_output=True, check=True)
    return Took(time.perf_counter() - started, _used_by_children() - before)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def first_step(variables: Mapping[str, str]) -> Took:
    """Measure until a demo shows its first step; it is killed there.

    The processor time is the program's own: the stand-in providers work beside it, in a process of their own.
    """
    with tempfile.TemporaryDirectory(prefix="ph-bench-") as folder:
        command = (*_POSTHUB, "demo", "--approve", "none", "--out", str(Path(folder, "out")))
        started = time.perf_counter()
        process = subprocess.Popen(
            _under(variables, command), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr
        if not any(_FIRST_STEP.search(line) for line in process.stderr):
            raise RuntimeError("the demo ended before its first step")
        took = Took(time.perf_counter() - started, _used_by(process.pid))
        process.kill()  # what it started ends with it; a person's Ctrl-C would wait for the import in its thread
        process.communicate()
    return took


def _used_by(pid: int) -> float:
    """Seconds of processor time that a process, with all of its threads, has used by now; Linux tells it."""
    fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _under(variables: Mapping[str, str], command: Sequence[str]) -> list[str]:
    return [
        "env",
        "-u",
        "PYTHONDONTWRITEBYTECODE",
        *(f"{name}={value}" for name, value in variables.items()),
        *command,
    ]


def in_turns(rounds: int, **measured: Callable[[], Took]) -> dict[str, list[Took]]:
    """Measure each once to warm up, and then in turns."""
    for each in measured.values():
        each()
    found: dict[str, list[Took]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, each in measured.items():
            found[name].append(each())
    return found


def figures(home: Path) -> dict[str, Any]:
    variables = {
        "POSTHUB_HOME": str(home),
        "PYTHONPYCACHEPREFIX": str(home / "bytecode"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    servers = EmbeddedServers(home, need_database=True, need_redis=True)
    addresses = servers.start()
    there = variables | {"DATABASE_URI": addresses.database_uri, "REDIS_URI": addresses.redis_uri}
    try:
        took = in_turns(
            LONG_ROUNDS, import_litellm=lambda: whole(_LITELLM, there), first_step=lambda: first_step(there)
        )
        took |= in_turns(
            SHORT_ROUNDS,
            help=lambda: whole((*_POSTHUB, "--help"), there),
            runs=lambda: whole((*_POSTHUB, "runs"), there),
            import_psycopg=lambda: whole(_DRIVER, there),
        )
    finally:
        servers.stop()
    return {
        "first_step_ratio": _ratio(took["first_step"], took["import_litellm"]),
        "runs_ratio": _ratio(took["runs"], took["help"]),
        "import_psycopg_ratio": _ratio(took["import_psycopg"], took["help"]),
        "bars": {"first_step_ratio": "<= 1.2", "runs_ratio": "<= 2"},
        "seconds": {name: _spread(each) for name, each in took.items()},
    }


def _ratio(one: Sequence[Took], other: Sequence[Took]) -> dict[str, float]:
    """The middle of the ratios of the rounds: what ran one after the other met the same machine."""
    return {
        measure: round(
            statistics.median(
                getattr(a, measure) / getattr(b, measure) for a, b in zip(one, other, strict=True)
            ),
            2,
        )
        for measure in ("wall", "processor")
    }


def _spread(took: Sequence[Took]) -> dict[str, Any]:
    return {
        measure: machine.spread([getattr(each, measure) for each in took])
        for measure in ("wall", "processor")
    }


def main() -> None:
    described = machine.description()
    home = Path(tempfile.mkdtemp(prefix="ph-bench-"))
    try:
        machine.keep("startup", described, figures(home))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
