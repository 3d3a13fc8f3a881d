"""The how-to for decisions: every command on the page is run, in order, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.acceptance.test_howto_prompts import done, script, sections

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "decisions.md"


def test_the_page_about_decisions_does_what_it_says(
    tmp_path: Path, empty_database_uri: str, redis_uri: str, sandbox_server: Any
) -> None:
    commands = script(sandbox_server.base_url, PAGE)
    ended = done(commands, tmp_path, empty_database_uri, redis_uri)
    refused = sections(ended.stdout)[-1]
    assert "the decision is about dna (revision 0, edition 0); that does not wait now" in " ".join(
        refused.split()
    )
    assert re.search(r"dna was approved by \S+ at ", " ".join(refused.split()))
    assert re.search(r"Decided +1 +by \S+, last at 20", refused)
