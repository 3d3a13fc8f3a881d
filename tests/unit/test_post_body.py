from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.post import Section
from domain.content.post_body import body_of, sections_of
from domain.errors import InvalidInput

INTRO = Section(section_type="intro", content="Ráno **voní**.")
WHY = Section(heading="Proč zrnka?", content="Protože\n\n- čerstvá\n- celá", has_image=True)
HOW = Section(heading="Jak na to", heading_level=3, content="```\n# to není nadpis\n```", has_cta=True)
END = Section(section_type="conclusion", heading="Závěrem", content="Uvařte si.")
SECTIONS = [INTRO, WHY, HOW, END]
BODY = body_of(SECTIONS)

WORDS = st.from_regex(r"[a-zá-ž]{1,9}( [a-zá-ž]{1,9}){0,4}", fullmatch=True)


@given(
    st.lists(st.builds(Section, heading=WORDS, content=WORDS, heading_level=st.integers(2, 4)), min_size=1)
)
def test_a_text_that_nobody_changed_has_the_same_sections(sections: list[Section]) -> None:
    texts = [(one.heading, one.heading_level, one.content) for one in sections]
    again = sections_of(body_of(sections), sections)
    assert [(one.heading, one.heading_level, one.content) for one in again] == texts


def test_sections_keep_what_their_text_does_not_say() -> None:
    assert sections_of(BODY, SECTIONS) == SECTIONS
    changed = sections_of(BODY.replace("voní", "zní").replace("celá", "mletá"), SECTIONS)
    assert [one.section_type for one in changed] == ["intro", "body", "body", "conclusion"]
    assert (changed[0].content, changed[1].has_image) == ("Ráno **zní**.", True)


def test_a_heading_that_was_changed_is_the_same_section() -> None:
    changed = sections_of(BODY.replace("Proč zrnka?", "Proč celá?").replace("Závěrem", "Nakonec"), SECTIONS)
    assert [one.heading for one in changed] == ["", "Proč celá?", "Jak na to", "Nakonec"]
    assert changed[1].has_image
    assert changed[3].section_type == "conclusion"


def test_sections_may_be_added_moved_and_taken_out() -> None:
    body = "Úvod.\n\n### Jak na to\n\nTak.\n\n## Navíc\n\nVíc.\n\n## Proč zrnka?\n\nProto.\n\n## A konec\n\nHotovo."
    changed = sections_of(body, SECTIONS)
    assert [(one.section_type, one.has_image, one.has_cta) for one in changed] == [
        ("intro", False, False),
        ("body", False, True),
        ("body", False, False),
        ("body", True, False),
        ("conclusion", False, False),
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("# Káva\n\nText.", "“Káva” is of level 1"),
        ("##### x", "of level 5"),
    ],
)
def test_a_text_that_cannot_be_sections_is_refused_in_words(body: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        sections_of(body, SECTIONS)
