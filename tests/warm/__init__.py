"""A Python that has the product imported: its programs start in a tenth of a second instead of many.

``warm_python()`` stands in a command where ``sys.executable`` would. What runs is a process of its own, with the
streams, folder, environment and signals of the command. Tests of what is imported, or of a death by SIGKILL that must
have happened by the next line, take ``sys.executable``.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_CLIENT = Path(__file__).with_name("client.py")


@cache
def warm_python() -> list[str]:
    """Start, once, the process that forks; it and whatever it runs end with this one, by whatever death."""
    address = f"{tempfile.mkdtemp(prefix='ph-warm-')}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm.server", address],
        cwd=ROOT,
        env={"PATH": os.defpath, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    with process.stdout as said:
        if said.readline() != b"ready\n":
            raise RuntimeError(f"the warm Python did not start, exit status {process.wait(60)}")
    atexit.register(process.wait)
    atexit.register(process.stdin.close)
    return [sys.executable, "-I", "-S", str(_CLIENT), address]


def posthub() -> list[str]:
    """The ``posthub`` command of the warm Python."""
    return [*warm_python(), "-c", "import sys; from cli.main import main; sys.exit(main())"]
