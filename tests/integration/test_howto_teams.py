"""The how-to for teams: every command on the page is run, in order, as a reader would."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from domain.people.keys import PATTERN
from tests.integration.test_cli_store import Cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "teams.md"


def test_the_page_does_what_it_says(tmp_path: Path, database_uri: str, redis_uri: str) -> None:
    cli = Cli(tmp_path / "home", DATABASE_URI=database_uri, REDIS_URI=redis_uri)
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    said = {}
    for line in commands:
        done = cli.here(*shlex.split(line.removeprefix("posthub ")))
        assert done.returncode == 0, f"{line}: {done.stderr}"
        said[line] = done.stdout
    assert PATTERN.fullmatch(said["posthub keys create eva@acme.cz --organization acme"].strip())
    assert "editor" in said["posthub members list --organization acme"]
    assert "viewer" in said["posthub keys list --organization acme"]
    assert "ultimate" in said["posthub organizations list"]
