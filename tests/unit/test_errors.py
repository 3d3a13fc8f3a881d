"""Failures say what failed and what to do, also to a client of the LangGraph server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PASSED_ON = """
from langgraph_api.serde import json_dumpb
from domain.errors import LimitExceeded
print(json_dumpb(LimitExceeded("The tier basic has 8 posts.", next_step="Ask for fewer.")).decode())
"""


def test_the_server_passes_on_what_failed_and_what_to_do() -> None:
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PATH": os.defpath, "PYTHONPATH": root, "DATABASE_URI": ":memory:", "REDIS_URI": "fake"}
    environment |= {"LANGGRAPH_RUNTIME_EDITION": "inmem", "MIGRATIONS_PATH": "__inmem"}
    done = subprocess.run(
        [sys.executable, "-c", PASSED_ON], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["error"], said["message"]) == ("LimitExceeded", "The tier basic has 8 posts. Ask for fewer.")
    assert (said["code"], said["next_step"], said["money"]) == ("LIMIT_EXCEEDED", "Ask for fewer.", "none")
