"""Benchmark results can be read anywhere and give nobody away."""

from __future__ import annotations

import getpass
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from benchmarks import machine

RESULTS = sorted((Path(__file__).parents[2] / "benchmarks" / "results").glob("*.json"))


def test_the_description_of_a_machine_names_no_host_no_user_and_no_folder() -> None:
    text = json.dumps(machine.description())
    assert socket.gethostname() not in text
    assert str(Path(__file__).parents[2]) not in text
    assert "/" not in text
    assert f'"{getpass.getuser()}"' not in text


def test_a_spread_shows_the_middle_and_the_noise() -> None:
    assert machine.spread([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "most": 3.0, "rounds": 3}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_stored_result_says_what_it_was_measured_on_and_which_bar_it_stands_against(path: Path) -> None:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert result["benchmark"] == path.stem
    assert {"cores", "python", "versions", "load_before"} <= result["machine"].keys()
    assert result["bars"]
    assert "/tmp" not in path.read_text(encoding="utf-8")
