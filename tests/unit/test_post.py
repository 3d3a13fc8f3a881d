from __future__ import annotations

from itertools import cycle
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from domain.content.post import BlogPost, count_words, post_findings, post_markdown, post_schema
from domain.content.topic import Topic
from domain.text import count_words as words_of

KEYWORD = "výběrová káva"
TOPIC = Topic.model_validate(
    {"item": "t01", "title": "Káva", "focusKeyword": KEYWORD, "plannedDate": "2027-01-08", "personaId": "p1"}
)
LETTERS = "kávovarmletípraženíšálekchuťvůně"


def _prose(length: int, sizes: tuple[int, int], start: int = 0) -> str:
    """A text of exactly so many characters, of words that have the two sizes in turn."""
    words: list[str] = []
    written = 0
    for number, size in enumerate(cycle(sizes)):
        place = (start + number) % len(LETTERS)
        words.append((LETTERS[place:] + LETTERS)[:size])
        written += size + 1
        if written > length:
            break
    return " ".join(words)[:length].rstrip().ljust(length, "a")


def _answer(schema: dict[str, Any], bound: str, sizes: tuple[int, int], seed: list[int]) -> Any:
    """An answer at every minimum or every maximum of a schema, with the words it must contain."""
    seed[0] += 1
    if schema["type"] == "object":
        return {name: _answer(one, bound, sizes, seed) for name, one in schema["properties"].items()}
    if schema["type"] == "array":
        return [_answer(schema["items"], bound, sizes, seed) for _ in range(schema[f"{bound}Items"])]
    if schema["type"] == "boolean":
        return False
    text = _prose(schema[f"{bound}Length"], sizes, seed[0])
    wanted = KEYWORD if "„" in schema["description"] else ""
    return wanted + text[len(wanted) :]


def _post(bound: str = "min", sizes: tuple[int, int] = (5, 6), **changes: Any) -> BlogPost:
    return BlogPost.model_validate(_answer(post_schema(TOPIC), bound, sizes, [0]) | changes)


@pytest.mark.parametrize("sizes", [(4, 5), (5, 6), (6, 7)], ids=["5.5", "6.5", "7.5"])
@pytest.mark.parametrize("bound", ["min", "max"])
def test_an_answer_at_every_bound_of_the_schema_is_a_whole_post(bound: str, sizes: tuple[int, int]) -> None:
    """Czech words have 5.5 to 7.5 characters with their space."""
    answer = _answer(post_schema(TOPIC), bound, sizes, [0])
    jsonschema.validate(answer, post_schema(TOPIC))
    post = BlogPost.model_validate(answer)
    assert 1500 <= count_words(post) <= 2500
    assert post_findings(post, KEYWORD) == []


def test_the_schema_quotes_the_words_that_a_text_must_contain() -> None:
    fields = post_schema(TOPIC)["properties"]
    for name in ("title", "metaTitle", "metaDescription"):
        assert f"must contain „{KEYWORD}“" in fields[name]["description"]
    assert post_schema(TOPIC.plain()) == post_schema(TOPIC)


def test_the_models_parts_become_typed_sections() -> None:
    post = _post()
    assert [one.section_type for one in post.sections] == ["intro", *["body"] * 5, "conclusion"]
    assert {one.heading_level for one in post.sections} == {2}


def test_words_are_counted_and_never_believed() -> None:
    post = _post(wordCount=99_999)
    assert post.word_count == count_words(post) != 99_999
    assert post.plain()["wordCount"] == post.word_count


def test_headings_questions_and_takeaways_count_and_the_title_does_not() -> None:
    post = BlogPost.model_validate(
        {
            "title": "Jedna dvě tři",
            "sections": [{"heading": "Dva body", "content": "**Tři** slova [tady](https://a.cz/b c) – ano."}],
            "faqs": [{"question": "Proč?", "answer": "Proto."}],
            "keyTakeaways": ["Čtvrtý bod"],
        }
    )
    assert post.word_count == 2 + words_of("Tři slova tady ano") + 2 + 2 + 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Káva - 100 % arabica.", 3),
        ("- první\n- druhý", 2),
        ("[odkaz](https://a.cz/dlouhá/cesta)", 1),
        ("![popis obrázku](x.png)", 2),
        ("e-shop", 1),
        ("***", 0),
        ("", 0),
    ],
)
def test_marks_and_link_targets_are_no_words(text: str, count: int) -> None:
    assert words_of(text) == count


def test_a_missing_slug_is_made_of_the_title() -> None:
    assert _post(title="Příliš žluťoučký kůň: výběrová káva").slug == "prilis-zlutoucky-kun-vyberova-kava"


def test_a_given_slug_becomes_a_safe_one() -> None:
    assert _post(slug="../../Káva & čaj!").slug == "kava-caj"
    assert len(_post(slug="slovo " * 60).slug) <= 75


def test_a_title_without_letters_still_has_a_slug() -> None:
    assert _post(title="???").slug == "clanek"


def test_a_stored_post_is_read_back_unchanged() -> None:
    post = _post()
    assert BlogPost.model_validate(post.plain()) == post


def _changed(**changes: Any) -> list[str]:
    return post_findings(_post(**changes), KEYWORD)


def _sections(post: BlogPost, **changes: Any) -> list[dict[str, Any]]:
    return [one.plain() | changes for one in post.sections]


def test_a_short_post_is_told_how_many_words_it_lacks_and_where() -> None:
    post = _post()
    thin = _sections(post)
    for one in thin[1:4]:
        one["content"] = "Krátce a dost."
    short = BlogPost.model_validate(post.plain() | {"sections": thin})
    (finding,) = post_findings(short, KEYWORD)
    assert (
        f"has {short.word_count} words and needs 1500 to 2500: add at least {1500 - short.word_count}"
        in finding
    )
    assert "with 3 words" in finding


def test_a_long_post_is_told_how_many_words_are_too_many() -> None:
    post = _post()
    long = _sections(post)
    long[2]["content"] += " slovo" * 1500
    whole = BlogPost.model_validate(post.plain() | {"sections": long})
    (finding,) = post_findings(whole, KEYWORD)
    assert f"cut at least {whole.word_count - 2500}" in finding


@pytest.mark.parametrize(
    ("kind", "words"), [("intro", "introduction is missing"), ("conclusion", "conclusion is missing")]
)
def test_a_post_without_its_introduction_or_conclusion_is_not_whole(kind: str, words: str) -> None:
    post = _post("max")
    left = [one for one in _sections(post) if one["sectionType"] != kind]
    assert any(
        words in one
        for one in post_findings(BlogPost.model_validate(post.plain() | {"sections": left}), KEYWORD)
    )


def test_three_sections_under_headings_are_too_few() -> None:
    post = _post("max")
    sections = _sections(post)
    del sections[1:3]
    findings = post_findings(BlogPost.model_validate(post.plain() | {"sections": sections}), KEYWORD)
    assert any("has 3 sections" in one for one in findings)


@pytest.mark.parametrize("count", [2, 8])
def test_a_wrong_number_of_questions_or_takeaways_is_found(count: int) -> None:
    questions = [{"question": f"Proč {number}?", "answer": "Protože ano."} for number in range(count)]
    assert any(f"There are {count} questions" in one for one in _changed(bound="max", faqs=questions))
    assert any(
        f"There are {count} key takeaways" in one
        for one in _changed(bound="max", keyTakeaways=["A b."] * count)
    )


def test_the_title_has_to_hold_the_focus_keyword_as_it_stands() -> None:
    assert _changed(title="Výběrové kávě na stopě") == [
        "The title has to contain the focus keyword exactly as it stands: „výběrová káva“."
    ]
    assert _changed(title="VÝBĚROVÁ  káva doma") == []


@pytest.mark.parametrize(("length", "fine"), [(0, False), (1, True), (60, True), (61, False)])
def test_a_meta_title_has_at_most_60_characters(length: int, fine: bool) -> None:
    assert (not _changed(metaTitle="a" * length)) is fine


@pytest.mark.parametrize(("length", "fine"), [(120, False), (121, True), (156, True), (157, False)])
def test_a_meta_description_has_121_to_156_characters(length: int, fine: bool) -> None:
    assert (not _changed(metaDescription="a" * length)) is fine


@pytest.mark.parametrize(
    "leak",
    [
        "As an AI language model I cannot",
        "Jako jazykový model nemohu poradit",
        "{{ company.name }}",
        "{% if x %}",
        "[insert link]",
        "[Vložte název firmy]",
        "Lorem ipsum dolor",
        "TODO: doplnit",
        "Let me think about it",
        "Zde je váš článek",
    ],
)
def test_leaks_are_found_wherever_they_stand(leak: str) -> None:
    post = _post()
    sections = _sections(post)
    sections[3]["content"] += f"\n\n{leak}."
    findings = post_findings(BlogPost.model_validate(post.plain() | {"sections": sections}), KEYWORD)
    assert len(findings) == 1
    assert "must not be published" in findings[0]
    assert any("must not be published" in one for one in _changed(metaTitle=leak))


@pytest.mark.parametrize(
    "text", ["Umělá inteligence nám pomáhá.", "[1] Zdroj", "Jako jazykový model pro děti"]
)
def test_honest_text_is_no_leak(text: str) -> None:
    post = _post()
    sections = _sections(post)
    sections[3]["content"] += f"\n\n{text}."
    assert post_findings(BlogPost.model_validate(post.plain() | {"sections": sections}), KEYWORD) == []


def test_headings_inside_a_section_empty_sections_and_repeated_headings_are_found() -> None:
    post = _post("max")
    sections = _sections(post)
    sections[1]["content"] += "\n\n## Vložený nadpis\n\ntext"
    sections[2]["content"] = "---"
    sections[4]["heading"] = sections[3]["heading"].upper()
    findings = post_findings(BlogPost.model_validate(post.plain() | {"sections": sections}), KEYWORD)
    assert [
        "is empty" in findings[0],
        "headings inside its text" in findings[1],
        "same heading" in findings[2],
    ] == [True] * 3


def test_an_empty_answer_of_the_faq_is_found() -> None:
    faqs = [{"question": "Proč?", "answer": "Protože ano."}] * 3 + [{"question": "Kdy?", "answer": "…"}]
    assert any("FAQ is empty" in one for one in _changed(bound="max", faqs=faqs))


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"title": "A"}, {"title": "A", "sections": []}, {"title": "A", "body": None}]
)
def test_what_is_no_post_is_refused(answer: Any) -> None:
    with pytest.raises(ValidationError):
        BlogPost.model_validate(answer)


def test_markdown_reads_from_the_title_to_the_last_answer() -> None:
    text = post_markdown(_post())
    lines = [line for line in text.splitlines() if line.startswith("#")]
    assert lines[0].startswith(f"# {KEYWORD}")
    assert [line[:3] for line in lines[1:7]] == ["## "] * 6
    assert "## Co si odnést" in lines
    assert "## Časté otázky" in lines
    assert "## Key takeaways" in post_markdown(_post(), "en")
    assert "## Key takeaways" in post_markdown(_post(), "de")


def test_markdown_of_a_bare_post_is_its_title_and_text() -> None:
    bare = BlogPost.model_validate({"title": "Káva", "sections": [{"content": "Text."}]})
    assert post_markdown(bare) == "# Káva\n\nText.\n"


def test_a_part_that_the_model_left_out_is_found_and_not_refused() -> None:
    answer = _answer(post_schema(TOPIC), "max", (5, 6), [0])
    del answer["conclusion"]
    assert any(
        "conclusion is missing" in one for one in post_findings(BlogPost.model_validate(answer), KEYWORD)
    )
