"""The built wheel in an empty environment, started in a folder full of files that want to be run instead."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
MONTH = ("--company", "Kavárna", "--website", "https://example.com", "--month", "2027-03", "--posts", "1")
SECONDS = 1500

pytestmark = pytest.mark.timeout(SECONDS + 100)


@dataclass(frozen=True)
class Installed:
    """A ``posthub`` of its own environment, and the folder it is started in."""

    wheel: Path
    environment: Path
    folder: Path
    home: Path

    def install(self, requirements: Path, *more: str) -> None:
        python = str(self.environment / "bin" / "python")
        uv("pip", "install", "--python", python, "-r", str(requirements), str(self.wheel), *more)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
        }
        return subprocess.run(
            [str(self.environment / "bin" / "posthub"), *arguments],
            cwd=self.folder,
            env={**kept, "POSTHUB_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )


def uv(*arguments: str) -> None:
    done = subprocess.run([UV, *arguments, "-q"], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr


def requirements(path: Path, *extras: str) -> Path:
    """Everything that the lock names for PostHub with these extras."""
    chosen = [part for extra in extras for part in ("--extra", extra)]
    uv("export", "--frozen", "--no-dev", "--no-emit-project", *chosen, "-o", str(path))
    return path


def hostile(folder: Path) -> Path:
    """A folder whose files leave a mark if anybody runs them."""
    folder.mkdir()
    for name in ("sandbox", "random", "langgraph_cli", "theirs"):
        (folder / f"{name}.py").write_text(f"open({str(folder / 'RAN')!r}, 'a').write({name!r})\n")
    theirs = {"dependencies": ["."], "graphs": {"theirs": "./theirs.py:graph"}}
    (folder / "langgraph.json").write_text(json.dumps(theirs))
    return folder


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    """The wheel without any extra. In a folder of its own: PostgreSQL must reach it under another user."""
    place = Path(tempfile.mkdtemp(prefix="ph-wheel-"))
    place.chmod(0o755)
    try:
        uv("build", "--wheel", "-o", str(place))
        uv("venv", "--python", sys.executable, str(place / "env"))
        made = Installed(next(place.glob("*.whl")), place / "env", hostile(place / "folder"), place / "home")
        made.install(requirements(place / "plain.txt"))
        yield made
    finally:
        shutil.rmtree(place, ignore_errors=True)


def says(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1, done.stdout
    assert all(part in done.stderr for part in parts), done.stderr
    assert "Traceback" not in done.stderr


def ran(installed: Installed) -> bool:
    return (installed.folder / "RAN").exists()


@pytest.mark.parametrize("arguments", [("demo",), ("sandbox",), ("run", *MONTH)])
def test_without_its_extra_the_sandbox_is_missed_in_one_sentence_with_what_to_do(
    installed: Installed, arguments: Sequence[str]
) -> None:
    says(installed(*arguments), "is not installed: it is PostHub's extra 'sandbox'", "uv tool install")
    assert not ran(installed)


def test_without_its_extra_the_server_is_missed_and_no_config_of_the_folder_is_served(
    installed: Installed,
) -> None:
    says(installed("serve"), "is not installed: it is PostHub's extra 'server'")
    assert not ran(installed)


def test_the_wheel_brings_the_config_of_the_server_as_it_stands_in_the_project(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        assert wheel.read("runtime/langgraph.json") == (ROOT / "langgraph.json").read_bytes()


def test_the_sample_month_is_made_in_a_folder_full_of_files_that_want_to_be_run(installed: Installed) -> None:
    installed.install(requirements(installed.home.with_name("sandbox.txt"), "sandbox"))
    done = installed("demo", "--approve", "auto", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["sandbox"], told["counts"]["posts"]) == ("done", True, 4)
    assert not ran(installed)


def test_a_package_that_another_distribution_wrote_over_is_named_before_anything_is_done(
    installed: Installed,
) -> None:
    tools = next((installed.environment / "lib").glob("python*/site-packages/tools/__init__.py"))
    own = tools.read_bytes()
    tools.write_text("print('somebody else')\n")
    try:
        says(installed("runs"), "'tools' has been written over", "by itself")
    finally:
        tools.write_bytes(own)
