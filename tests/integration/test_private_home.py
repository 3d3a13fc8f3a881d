"""The data folder belongs to its owner: nobody else of the machine reads what PostHub keeps in it."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.logs import log_to_file, logs_folder
from runtime.services import open_services
from runtime.settings import load


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder that is not there yet, below one that everybody may enter, under an ordinary umask."""
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="ph-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setenv("POSTHUB_HOME", f"{folder}/home")
        yield Path(folder) / "home"
    os.umask(before)


def _open_to_others(home: Path) -> list[str]:
    """The entries of a home that others can read; what lies in a closed folder cannot be reached."""
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    return [name for name, mode in modes.items() if mode & 0o077]


async def test_what_a_run_keeps_is_its_owners_alone(home: Path) -> None:
    log_to_file()
    async with open_services(load()) as services:
        await services.ports.files.put(b"a picture", "image/png")
        assert stat.S_IMODE(home.stat().st_mode) & 0o066 == 0
        assert {"files", "postgres", "sandbox", "valkey"} <= {path.name for path in home.iterdir()}
        assert _open_to_others(home) == []


def test_the_first_log_makes_a_data_folder_for_its_owner_alone(home: Path) -> None:
    assert logs_folder() == home / "logs"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (home, home / "logs")] == [0o700, 0o700]


def test_a_folder_that_was_there_keeps_what_its_owner_allowed(home: Path) -> None:
    home.mkdir(mode=0o750)
    logs_folder()
    assert stat.S_IMODE(home.stat().st_mode) == 0o750
