"""The how-to for prompts: every command on the page is run, in order, as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.warm import posthub

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "prompts.md"


def script(base_url: str, page: Path = PAGE) -> str:
    """The page's commands; its stand-ins listen elsewhere here."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    parts = urlsplit(base_url)
    told = "\n".join(f"echo '=== {number}'\n{block}" for number, block in enumerate(blocks))
    return "set -e\n" + told.replace("127.0.0.1:8799", f"{parts.hostname}:{parts.port}")


def sections(said: str) -> list[str]:
    return re.split(r"^=== \d+\n", said, flags=re.MULTILINE)[1:]


def done(script: str, tmp_path: Path, database_uri: str, redis_uri: str) -> subprocess.CompletedProcess[str]:
    """Run a page's commands as a reader would."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "posthub").write_text(f'#!/bin/sh\nexec {shlex.join(posthub())} "$@"\n')
    (tools / "posthub").chmod(0o755)
    environment = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(PAGE.parents[2]),
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(tmp_path / "home"),
    }
    ended = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3000
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-3000:]
    return ended


@pytest.mark.timeout(3300)
def test_the_page_does_what_it_says(
    tmp_path: Path, empty_database_uri: str, redis_uri: str, sandbox_server: Any
) -> None:
    ended = done(script(sandbox_server.base_url), tmp_path, empty_database_uri, redis_uri)
    said = sections(ended.stdout)
    listed, edited, rendered, tried, started, _, verdict, promoted, traced, exported = said[1:]
    assert "BLOGPOST_GEN_V1" in listed
    assert "+Jsi vlídný a zkušený autor" in edited
    assert "Jsi vlídný a zkušený autor" in rendered
    assert re.search(r"Posts +gemini +\$\d", tried), "quoted before it is bought"
    assert "Pražírna Hanácké zrno" in tried
    assert "A (version 1, 50%), B (version 2, 50%)" in started
    assert re.search(r"Decisions +2 of 2 +2 of 2", verdict)
    assert re.search(r"Approved at once +100% .* 100% ", verdict)
    assert "No difference is certain." in verdict
    assert "version 2 is in production" in promoted
    assert re.search(r"gets +version 2: the organization's own", ended.stderr + promoted)
    assert "what came with the product counts again" in promoted
    assert re.search(r"t01 +post .* BLOGPOST_GEN_V1 +1 +cs +A", traced)
    assert "0 versions would be kept" in exported
    with psycopg.connect(empty_database_uri) as connection:
        asked = connection.execute(
            "select distinct template_version, experiment is null, arm from blog_posts order by 1, 3"
        ).fetchall()
        unnamed = [
            table
            for table in (
                "company_dna",
                "personas",
                "topics",
                "blog_posts",
                "social_posts",
                "jobs",
                "attempts",
            )
            if connection.execute(
                f"select 1 from {table} where template_code is null "
                + ("and item <> 'site'" if table == "company_dna" else "")
            ).fetchone()
        ]
    assert asked == [(1, False, "A"), (2, False, "B"), (2, True, None)]
    assert unnamed == [], "everything names the template that asked for it"
