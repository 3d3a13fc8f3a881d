from __future__ import annotations

import pytest

from cli.screen.text import clean, duration, keep_examples, listed, one_line, plural


def test_text_that_would_command_the_terminal_loses_its_commands() -> None:
    assert clean("a\x1b[2Jb\x9b31mc\x07d\u202ee") == "a[2Jb31mcde"


def test_line_breaks_and_tabs_stay_in_text() -> None:
    assert clean("a\n\tb") == "a\n\tb"


def test_a_lone_surrogate_can_be_printed() -> None:
    assert clean("a\ud800b").encode() == b"ab"


def test_one_line_has_no_line_breaks_of_any_kind() -> None:
    assert one_line(" a\r\n b\u2028c\x0bd ") == "a b c d"


def test_a_long_list_names_the_first_and_counts_the_rest() -> None:
    assert listed(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert listed(["a", "b"], most=2) == "a, b"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3661, "1:01:01")])
def test_a_duration_reads_like_a_clock(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_one_thing_is_singular() -> None:
    assert (plural(1, "post"), plural(0, "post"), plural(2, "post")) == ("1 post", "0 posts", "2 posts")


def test_only_paragraphs_with_indented_lines_are_kept_as_they_stand() -> None:
    text = "First line\n    goes on.\n\n    Examples:\n      posthub demo\n    "
    assert keep_examples(text) == "First line\ngoes on.\n\n\b\nExamples:\n  posthub demo"
