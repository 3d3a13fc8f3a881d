"""The flat layout: our package names are ours, and heavy libraries load only where they are needed."""

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "cli",
    "runtime",
    "app",
    "graph",
    "nodes",
    "tools",
    "exports",
    "prompts",
    "gateway",
    "fetching",
    "store",
    "domain",
    "sandbox",
)


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_the_one_of_this_checkout_and_nobody_elses(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ and Path(module.__file__).is_relative_to(ROOT)
    owners = set(importlib.metadata.packages_distributions().get(name, []))
    assert owners <= {"posthub"}


def test_the_command_line_loads_no_heavy_library_for_its_help() -> None:
    code = (
        "import sys, cli.main\n"
        "heavy = {'litellm', 'langgraph', 'langchain_core', 'sqlalchemy', 'google', 'trafilatura', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"


def test_the_graph_and_checkpointer_of_the_server_can_be_imported_by_name() -> None:
    code = (
        "import json, importlib\n"
        "config = json.load(open('langgraph.json'))\n"
        "module, name = config['graphs']['month']['path'].split(':')\n"
        "getattr(importlib.import_module(module), name)\n"
        "module, name = config['checkpointer']['path'].rsplit('.', 1)\n"
        "getattr(importlib.import_module(module), name)\n"
        "print('both')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip().splitlines()[-1] == "both"
