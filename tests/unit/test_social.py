from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from domain.content.platforms import Platform, platform, platforms
from domain.content.social import SocialPost, assemble_caption, measure, social_findings, social_schema

SENTENCE = "Výběrová káva chutná i doma. "


def _text(length: int) -> str:
    whole = (SENTENCE * (length // len(SENTENCE) + 1))[:length]
    return whole[:-1] + "." if whole.endswith(" ") else whole


def _extreme(one: Platform, bound: str) -> dict[str, Any]:
    """An answer at every minimum or every maximum of the schema."""
    fields = social_schema(one)["properties"]
    tags = fields["hashtags"]
    letters = tags["items"][f"{bound}Length"] - 2
    return {
        "textContent": _text(fields["textContent"][f"{bound}Length"]),
        "hashtags": [f"#{'k' * letters}{letter}" for letter in "abcdefgh"[: tags[f"{bound}Items"]]],
        "ctaText": "Z" * fields["ctaText"][f"{bound}Length"],
    }


def _post(one: Platform, **changes: Any) -> SocialPost:
    fields = {**_extreme(one, "min"), **changes}
    return SocialPost.model_validate(fields)


@pytest.mark.parametrize("bound", ["min", "max"])
@pytest.mark.parametrize("one", platforms(), ids=lambda one: one.code)
def test_an_answer_at_every_bound_of_the_schema_can_be_sent(one: Platform, bound: str) -> None:
    answer = _extreme(one, bound)
    jsonschema.validate(answer, social_schema(one))
    assert social_findings(SocialPost.model_validate(answer), one) == []


def test_the_caption_is_text_call_to_action_and_hashtags_as_they_are_sent() -> None:
    post = SocialPost(text_content="Text.", hashtags=("#a", "#b"), cta_text="Přijďte.")
    assert assemble_caption(post, platform("facebook")) == "Text.\n\nPřijďte.\n\n#a #b"
    assert assemble_caption(post, platform("twitter")) == "Text.\nPřijďte.\n#a #b"


def test_a_missing_part_leaves_no_gap_in_the_caption() -> None:
    assert assemble_caption(SocialPost(text_content="Text."), platform("facebook")) == "Text."


def test_x_is_measured_by_weight() -> None:
    assert measure("日本 kavarna.cz", platform("twitter")) == 4 + 1 + 23


def test_linkedin_is_measured_with_its_escapes() -> None:
    reserved = "\\|{}@[]()<>#*_~"
    assert measure(reserved, platform("linkedin")) == 2 * len(reserved)
    assert measure("Káva - 100 %, ano!", platform("linkedin")) == 18


def test_other_platforms_count_characters() -> None:
    assert measure("(káva) #1", platform("instagram")) == 9


def test_the_whole_caption_counts_not_the_text_alone() -> None:
    x = platform("twitter")
    post = _post(x, textContent=_text(250), ctaText="Objednejte si ještě dnes kurz.")
    (finding,) = social_findings(post, x)
    length = measure(assemble_caption(post, x), x)
    assert f"count {length} on X, which takes 280" in finding
    assert f"at least {length - 280}" in finding


def test_a_text_that_only_escapes_make_too_long_is_found() -> None:
    linkedin = platform("linkedin")
    text = _text(2800) + "()" * 60
    post = _post(linkedin, textContent=text)
    assert len(assemble_caption(post, linkedin)) < 3000
    assert any("LinkedIn, which takes 3000" in one for one in social_findings(post, linkedin))


def test_too_few_and_too_many_hashtags_are_found() -> None:
    instagram = platform("instagram")
    assert social_findings(_post(instagram, hashtags=["#a1", "#b1"]), instagram) == [
        "There are 2 hashtags; Instagram wants at least 5."
    ]
    many = [f"#tag{number}x" for number in range(7)]
    assert social_findings(_post(instagram, hashtags=many), instagram) == [
        "There are 7 hashtags in the whole post; Instagram takes 5: drop 2."
    ]


def test_hashtags_inside_the_text_count_as_well() -> None:
    instagram = platform("instagram")
    post = _post(instagram, textContent=_text(400) + " #navíc")
    assert any("There are 6 hashtags" in one for one in social_findings(post, instagram))


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("káva", "begin with #"),
        ("#dvě slova", "has a space"),
        ("#" + "a" * 120, "it is a text"),
        ("#", "letters, digits"),
        ("#2027", "at least one letter"),
        ("#káva!", "letters, digits"),
        ("##káva", "letters, digits"),
    ],
)
def test_a_malformed_hashtag_is_found(tag: str, words: str) -> None:
    linkedin = platform("linkedin")
    post = _post(linkedin, hashtags=["#první", "#druhý", "#třetí", tag])
    assert any(words in one for one in social_findings(post, linkedin))


def test_a_repeated_hashtag_is_found() -> None:
    linkedin = platform("linkedin")
    post = _post(linkedin, hashtags=["#káva", "#Káva", "#čaj"])
    assert "A hashtag is repeated: each may stand once." in social_findings(post, linkedin)


@pytest.mark.parametrize("text", ["…", "🙂", "— —"])
def test_a_text_without_words_is_empty(text: str) -> None:
    facebook = platform("facebook")
    assert any("is empty" in one for one in social_findings(_post(facebook, textContent=text), facebook))


def test_a_first_sentence_that_is_cut_off_is_no_hook() -> None:
    instagram = platform("instagram")
    long = "Kdo u nás aspoň jednou ochutnal kávu, ten ví, že " + "čekání za to stojí a " * 6 + "stojí."
    (finding,) = social_findings(_post(instagram, textContent=f"{long} {_text(300)}"), instagram)
    assert finding.startswith(f"The first sentence counts {len(long)}, but Instagram shows only 125")


def test_a_line_end_ends_the_hook() -> None:
    instagram = platform("instagram")
    text = "Káva bez spěchu\n" + "a pak už jen dlouhá věta bez konce " * 12
    assert social_findings(_post(instagram, textContent=text), instagram) == []


def test_linkedin_needs_a_whole_sentence_before_it_cuts_the_text_off() -> None:
    linkedin = platform("linkedin")
    text = "a tak dále " * 30 + ". " + _text(300)
    (finding,) = social_findings(_post(linkedin, textContent=text), linkedin)
    assert "first two lines" in finding


def test_a_call_to_action_is_not_said_twice() -> None:
    facebook = platform("facebook")
    post = _post(
        facebook, textContent=_text(300) + " Přijďte na kurz v sobotu.", ctaText="Přijďte na kurz v sobotu."
    )
    assert any("call to action stands in the text" in one for one in social_findings(post, facebook))


def test_unfilled_slots_never_go_out() -> None:
    facebook = platform("facebook")
    post = _post(facebook, textContent=_text(280) + " [vložte odkaz]")
    assert any("[vložte odkaz]" in one for one in social_findings(post, facebook))


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x9b", "\ud800", "\ufdd0"])
def test_what_no_text_may_hold_is_refused_and_not_dropped(char: str) -> None:
    with pytest.raises(ValueError, match=rf"U\+{ord(char):04X}"):
        SocialPost(text_content=f"a{char}b")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("instagram", "The first sentence is the hook and has at most 125"),
        ("linkedin", "within the first two lines, in the first 210"),
        ("twitter", "The first sentence is the hook."),
    ],
)
def test_the_schema_says_where_the_hook_stands(code: str, words: str) -> None:
    assert words in social_schema(platform(code))["properties"]["textContent"]["description"]


def test_a_platform_without_a_cut_takes_a_long_first_sentence() -> None:
    pinterest = platform("pinterest")
    cut = replace(pinterest, visible_chars=10)
    assert social_findings(_post(pinterest), pinterest) == social_findings(_post(cut), cut) == []
