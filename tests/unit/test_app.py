from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.decisions import WaitingReview, nothing_waits, understood
from app.demo import sample_month
from app.doctor import Check, Checkup
from app.money.quotes import ComparedLine, ComparedQuote
from app.summaries import ExportedRun, RunSummary
from domain.errors import InvalidInput
from domain.month_request import parse
from store.content.decisions import Decided

REQUEST: dict[str, Any] = {
    "items": ["t01"],
    "tokens": {"t01": "t01-0-0-0123456789abcdef"},
    "asked_at": "2027-01-05T10:00:00+00:00",
    "problems": ["t09: unknown"],
    "action_requests": [
        {"action": "review", "args": {"title": "Káva", "token": "x"}, "description": "Káva\x1b[2J"}
    ],
    "review_configs": [{"allowed_decisions": ["approve", "drop"]}],
}


def test_what_waits_is_plain_json_that_commands_no_terminal() -> None:
    waiting = WaitingReview("run-1", "topics", REQUEST, ("t01.post was dropped.",))
    assert waiting.as_json() == {
        "thread_id": "run-1",
        "status": "waiting",
        "point": "topics",
        "problems": ["t09: unknown"],
        "decided": ["t01.post was dropped."],
        "items": [
            {
                "id": "t01",
                "token": "t01-0-0-0123456789abcdef",
                "allowed": ["approve", "drop"],
                "fields": {"title": "Káva"},
                "text": "Káva[2J",
            }
        ],
    }
    assert waiting.ids == ["t01"]


def test_decisions_that_do_not_fit_what_waits_are_refused() -> None:
    waiting = WaitingReview("run-1", "topics", REQUEST)
    (approved,), _ = understood(waiting, {"decisions": [{"id": "t01", "type": "approve"}]}, whole=True)
    assert (approved.type, approved.token) == ("approve", "t01-0-0-0123456789abcdef")
    impossible = {"decisions": [{"id": "t01", "type": "edit", "edited": {"title": "x"}}]}
    assert understood(waiting, impossible) == ([], ["t01: edit is not possible; use approve, drop."])
    with pytest.raises(InvalidInput, match="edit is not possible"):
        understood(waiting, impossible, whole=True)


@pytest.mark.parametrize(
    ("status", "step"), [("done", "posthub show run-1"), ("failed", "posthub resume run-1")]
)
def test_an_answer_to_a_run_that_asks_nothing_says_how_to_go_on(status: str, step: str) -> None:
    assert step in nothing_waits("run-1", status).next_step


def test_a_report_is_good_only_where_nothing_failed() -> None:
    good, off, bad = Check("Cache", "x", "ok"), Check("Veo", "y", "off"), Check("Files", "z", "failed")
    assert Checkup(True, (good, off)).ok
    report = Checkup(False, (good, bad)).as_json()
    assert (report["ok"], report["sandbox"], report["checks"][1]["part"]) == (False, False, "Files")


def test_a_summary_is_plain_json() -> None:
    quote = ComparedQuote(2_000_000, 5_000_000, (ComparedLine("posts", "gemini", 2_000_000, 5_000_000, 1),))
    summary = RunSummary(
        thread_id="run-1",
        status="done",
        waiting=None,
        company="Kavárna",
        month="2027-01",
        tier="pro",
        sandbox=True,
        counts={"posts": 1},
        words={"kava": 900},
        decisions=(
            Decided(
                "posts",
                "t01",
                0,
                0,
                "approve",
                "hash",
                "eva",
                decided_at=datetime(2026, 11, 25, 14, 2, tzinfo=UTC),
            ),
        ),
        failed=("t02: blocked",),
        skipped=(),
        cost_usd={"total": "0.000001"},
        quote=quote,
        out="/out",
        error=None,
    )
    found = summary.as_json()
    assert list(found)[:3] == ["thread_id", "status", "waiting"]
    assert (found["failed"], found["skipped"]) == (["t02: blocked"], [])
    assert (found["approvals"], found["decisions"][0]["id"], found["decisions"][0]["by"]) == (
        1,
        "t01.post",
        "eva",
    )
    assert found["quote"]["expected_usd"] == "2.000000"
    assert found["quote"]["lines"][0]["actual_usd"] == "0.000001"


def test_an_exported_run_names_its_folder_and_page() -> None:
    found = ExportedRun("run-1", Path("/out/index.html")).as_json()
    assert found == {"thread_id": "run-1", "out": "/out", "index": "/out/index.html"}


def test_the_sample_month_can_be_asked_for() -> None:
    request = parse(sample_month("Pražírna", "https://p.example", "2027-01"), today=date(2026, 11, 22))
    assert (request.tier, request.posts, request.videos) == ("ultimate", 4, 1)
