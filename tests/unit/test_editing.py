from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.editing import as_yaml, changes, editable
from domain.errors import InvalidInput

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200)
FIELDS = st.dictionaries(
    st.from_regex(r"[a-z][a-zA-Z]{0,20}", fullmatch=True),
    TEXT
    | st.integers()
    | st.booleans()
    | st.none()
    | st.lists(TEXT, max_size=3)
    | st.dictionaries(TEXT, TEXT, max_size=2),
    max_size=5,
)


@given(FIELDS)
def test_a_text_that_was_only_opened_and_closed_changes_nothing(fields: dict[str, Any]) -> None:
    assert changes(fields, as_yaml("A post", fields)) == {}


def test_only_the_changed_fields_are_sent() -> None:
    fields = {"title": "Káva", "subtitle": "Ráno"}
    assert changes(fields, as_yaml("t01", fields).replace("Káva", "Čaj")) == {"title": "Čaj"}


def test_of_a_package_only_the_changed_text_of_the_changed_platform_is_sent() -> None:
    fields = {"social": {"twitter": {"textContent": "a", "ctaText": "b"}, "linkedin": {"textContent": "c"}}}
    edited = changes(fields, "social: {twitter: {textContent: nový, ctaText: b}, linkedin: {textContent: c}}")
    assert edited == {"social": {"twitter": {"textContent": "nový"}}}


def test_a_date_without_its_quotes_stays_a_date_as_text() -> None:
    assert changes({"plannedDate": "2027-01-04"}, "plannedDate: 2027-01-05") == {"plannedDate": "2027-01-05"}


def test_broken_yaml_is_refused_with_line_and_column() -> None:
    with pytest.raises(InvalidInput, match="line 2, column"):
        changes({"title": "a"}, "title: a\n  - b: [")


def test_a_field_that_was_not_there_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="'titel'"):
        changes({"title": "a"}, "titel: b")


def test_an_emptied_file_changes_nothing() -> None:
    assert changes({"title": "a"}, "# all gone\n") == {}


def test_what_yaml_would_execute_is_refused() -> None:
    with pytest.raises(InvalidInput):
        changes({"title": "a"}, 'title: !!python/object/apply:os.system ["true"]')


def test_what_is_counted_or_made_elsewhere_is_not_offered() -> None:
    assert list(
        editable("posts", {"wordCount": 1, "findings": [], "faqs": [], "id": "t01", "title": "a"})
    ) == ["title", "faqs"]
    assert list(editable("dna", {"id": "dna", "raw": None, "sources": [], "usp": "x"})) == ["usp"]
    assert list(editable("dna", {"raw": "an answer that was no JSON"})) == ["raw"]


def test_a_heading_stands_before_its_text() -> None:
    fields = editable("posts", {"sections": [{"content": "b", "heading": "a"}], "title": "t"})
    assert as_yaml("x", fields).index("heading") < as_yaml("x", fields).index("content")
