"""The flat layout: our package names are ours, and heavy libraries load only where they are needed."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from domain.errors import InfrastructureError
from runtime.installation import PACKAGES, check_packages, need_extra

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_packages_that_are_checked_at_the_start_are_those_of_the_wheel() -> None:
    assert set(PACKAGES) == set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


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


def test_the_graph_and_checkpointer_of_the_server_are_found_by_name_and_by_path_and_share_what_is_open() -> (
    None
):
    code = (
        "import json, importlib, importlib.util, sys\n"
        "config = json.load(open('langgraph.json'))\n"
        "module, graph = config['graphs']['month']['path'].split(':')\n"
        "same, saver = config['checkpointer']['path'].rsplit('.', 1)\n"
        "assert module == same\n"
        "named = importlib.import_module(module)\n"
        "spec = importlib.util.spec_from_file_location('__loaded_by_path', module.replace('.', '/') + '.py')\n"
        "pathed = sys.modules[spec.name] = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(pathed)\n"
        "for each in (named, pathed): getattr(each, graph), getattr(each, saver)\n"
        "print(named.services is pathed.services)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip().splitlines()[-1] == "True"


def test_a_package_of_ours_that_is_found_somewhere_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=f"'app' is found at {ROOT / 'app'}") as found:
        check_packages(tmp_path)
    assert "by itself" in found.value.next_step


def test_a_module_that_was_written_over_after_the_installation_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from runtime.installation import check_packages\n"
        "try: check_packages()\n"
        "except Exception as wrong: print(wrong)"
    )
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    for name in ("runtime/installation.py", "domain/errors.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    record = tmp_path / "posthub-0.1.0.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text("tools/__init__.py,sha256=x,0\ngraph/build.py,sha256=x,99\n")

    def said() -> str:
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert "'graph' has been written over by another distribution, see graph/build.py" in said()
    (tmp_path / "graph" / "build.py").write_text("#" * 99)
    assert said() == ""
    (tmp_path / "tools" / "__init__.py").write_text("theirs = True\n")
    assert "'tools' has been written over" in said()


def test_an_extra_that_is_not_there_is_missed_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    need_extra("sandbox", "The sandbox")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InfrastructureError, match="PostHub's extra 'sandbox'") as missed:
        need_extra("sandbox", "The sandbox", "Set a provider's key")
    assert missed.value.next_step.startswith("Set a provider's key, or install it: uv tool install")


def test_no_module_is_started_by_name_from_the_folder_a_person_stands_in() -> None:
    modules = [path for name in PACKAGES if name != "sandbox" for path in (ROOT / name).rglob("*.py")]
    starts = re.compile(r'sys\.executable,\s*(?P<flags>(?:"[^"]*",\s*(?:#.*\n\s*)?)*?)"-m"')
    found = [(path.name, match["flags"]) for path in modules for match in starts.finditer(path.read_text())]
    assert len(found) >= 4
    assert [name for name, flags in found if '"-P"' not in flags and '"-I"' not in flags] == []


def test_nothing_but_the_sandbox_imports_what_comes_with_its_extra() -> None:
    brought = re.compile(r"^\s*(?:import|from) (?:av|starlette|uvicorn)\b", re.MULTILINE)
    modules = [path for name in PACKAGES if name != "sandbox" for path in (ROOT / name).rglob("*.py")]
    # the LangGraph server loads these two, and its own extra brings what they import
    of_the_server = {ROOT / "runtime" / "server" / name for name in ("app.py", "wall.py")}
    found = {path for path in modules if brought.search(path.read_text(encoding="utf-8"))}
    assert found - of_the_server == set()


def test_no_instruction_installs_posthub_from_an_index_where_nobody_owns_the_name() -> None:
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    texts += [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    named = re.compile(r"(?:pip|pipx|uv tool|uv pip|uv) (?:install|add)[^\n]* ['\"]?posthub\b(?![-/])")
    assert [path.name for path in texts if named.search(path.read_text(encoding="utf-8"))] == []
