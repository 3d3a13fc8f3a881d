from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.decisions import WaitingReview, understood
from cli.screen.decisions import read_decisions
from domain.errors import InvalidInput

REQUEST: dict[str, Any] = {
    "items": ["t01", "t02"],
    "review_configs": [
        {"action_name": "review_topics", "allowed_decisions": ["approve", "edit", "reject", "drop"]},
        {"action_name": "review_topics", "allowed_decisions": ["reject", "drop"]},
    ],
}
WAITING = WaitingReview("run-1", "topics", REQUEST)


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "decisions.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def refusal(source: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_decisions(source)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    source = written(tmp_path, '{"decisions": [{"id": "t01", "type": "approve"}]}')
    assert read_decisions(source) == {"decisions": [{"id": "t01", "type": "approve"}]}


def test_a_half_written_file_is_refused_with_line_and_column(tmp_path: Path) -> None:
    assert "line 2, column 16" in refusal(written(tmp_path, '{"decisions": [\n  {"id": "t01",'))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "line 1, column 1" in refusal(written(tmp_path, ""))


def test_a_file_that_is_no_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    assert "line 2 is not UTF-8" in refusal(written(tmp_path, b'{"decisions":\n"\xff"}'))


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read_decisions(written(tmp_path, b'\xef\xbb\xbf{"type": "approve"}')) == {"type": "approve"}


def test_a_number_that_json_does_not_know_is_refused(tmp_path: Path) -> None:
    assert "NaN" in refusal(written(tmp_path, '{"decisions": NaN}'))


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    assert "nested" in refusal(written(tmp_path, "[" * 200_000))


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    assert "missing.json" in refusal(str(tmp_path / "missing.json"))
    assert str(tmp_path) in refusal(str(tmp_path))


def test_decisions_about_a_part_are_taken() -> None:
    possible, problems = understood(WAITING, {"decisions": [{"id": "t01", "type": "approve"}]})
    assert ([each.item for each in possible], problems) == (["t01"], [])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"decisions": [{"id": "t09", "type": "approve"}]}, "t09"),
        ({"decisions": [{"id": "t01", "type": "aprove"}]}, "aprove"),
        ({"decisions": [{"id": "t01", "type": "reject"}]}, "reason"),
        ({"decisions": [{"id": "t01", "type": "edit"}]}, "edited"),
        ({"decisions": [{"id": "t02", "type": "approve"}]}, "t02: approve is not possible"),
        ({"decisions": []}, "no decisions"),
        ({"decision": []}, "not understood"),
        ("approve", "not understood"),
        (None, "not understood"),
    ],
)
def test_decisions_that_do_not_fit_are_refused_as_a_whole(given: Any, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        understood(WAITING, given, whole=True)
    assert named in str(caught.value)


def test_one_decision_that_does_not_fit_refuses_the_good_ones_with_it() -> None:
    given = {"decisions": [{"id": "t01", "type": "approve"}, {"id": "t02", "type": "nonsense"}]}
    with pytest.raises(InvalidInput, match="nothing changed"):
        understood(WAITING, given, whole=True)
