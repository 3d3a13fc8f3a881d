from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.screen.output import print_json
from cli.screen.summary import index_page, next_command, summary_panel
from cli.screen.terminal import Screen

SUMMARY: dict[str, Any] = {
    "thread_id": "0b6f0f0e-6c1e-4c57-9a5e-0d9a3f6c1f0a",
    "status": "done",
    "waiting": None,
    "company": "Kavárna U Mlýna",
    "month": "2027-01",
    "tier": "ultimate",
    "sandbox": True,
    "counts": {"personas": 6, "topics": 4, "posts": 4, "social": 24, "images": 16, "videos": 1},
    "words": {"jak-vybrat-kavu": 1720},
    "decisions": [
        {"by": "eva", "at": "2026-11-25T14:01:00+00:00"},
        {"by": "policy:auto", "at": "2026-11-25T14:02:00+00:00"},
        {"by": "eva", "at": "2026-11-25T14:03:00+00:00"},
    ],
    "failed": [],
    "skipped": ["t01.video: The tier pro has no video."],
    "cost_usd": {"gemini": "0.142700", "veo": "1.400000", "total": "1.542700"},
    "out": None,
    "error": None,
}


def panel(**changes: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=100, markup=False).print(summary_panel({**SUMMARY, **changes}))
    return out.getvalue()


def test_the_summary_names_counts_words_costs_and_the_thread() -> None:
    text = panel()
    for piece in (
        "6 personas, 4 topics, 4 posts, 24 social posts, 16 images, 1 video",
        "1720  jak-vybrat-kavu",
    ):
        assert piece in text
    for piece in ("$0.1427  gemini", "$1.40  veo", "$1.54  total", SUMMARY["thread_id"], "has no video"):
        assert piece in text


def test_the_summary_of_a_sandbox_run_says_so() -> None:
    assert "SANDBOX" in panel()
    assert "SANDBOX" not in panel(sandbox=False)


def test_the_summary_says_what_waits_for_whom() -> None:
    waiting = {"point": "posts", "items": ["t01", "t02"]}
    assert "waiting for review: Blog posts (t01, t02)" in panel(status="waiting", waiting=waiting)
    way_on = next_command({**SUMMARY, "status": "waiting", "waiting": waiting})
    assert f"posthub review {SUMMARY['thread_id']}" in way_on


def test_a_stopped_or_failed_run_is_resumed_and_a_done_one_is_not() -> None:
    assert "posthub resume" in next_command({**SUMMARY, "status": "failed"})
    assert "posthub resume" in next_command({**SUMMARY, "status": "cancelled"})
    assert next_command(SUMMARY) == ""


def test_many_failures_are_cut_and_counted() -> None:
    text = panel(failed=[f"t{number:02}: {'x' * 500}" for number in range(20)])
    assert "and 14 more" in text
    assert len(text.splitlines()) < 60


def test_the_page_to_look_at_is_named_once_it_is_there(tmp_path: Path) -> None:
    summary = {**SUMMARY, "out": str(tmp_path)}
    assert index_page(summary) is None
    (tmp_path / "index.html").touch()
    assert index_page(summary) == (tmp_path / "index.html").resolve()


def test_an_error_of_the_run_is_shown_without_terminal_commands() -> None:
    text = panel(
        status="failed", error={"message": "The key was refused.\x1b[2J", "next_step": "Set another."}
    )
    assert "The key was refused.[2J Set another." in text


def test_json_is_one_object_in_readable_letters() -> None:
    out = io.StringIO()
    console = Console(file=out, width=20)
    print_json(Screen(console, console, json=True, interactive=False), SUMMARY)
    assert json.loads(out.getvalue()) == SUMMARY
    assert "Kavárna U Mlýna" in out.getvalue()
