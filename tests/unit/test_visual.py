from __future__ import annotations

import pytest

from domain.content.persona import Persona
from domain.content.visual import VisualBrief, authenticity, image_prompt, video_prompt, visual_schema

PERSONA = Persona(
    character_name="Magdaléna Hrubá",
    jung_archetype="creator",
    mbti_type="INFJ",
    art_style_name="soft documentary photography",
    color_palette=("warm terracotta", "cream"),
    visual_atmosphere="calm morning light.",
)
BRIEF = VisualBrief(
    scene="A roaster lifts a scoop of beans.", alt_text="Pražírna", video_scene="Beans fall slowly."
)
NEGATIVE = "blurry, low quality, distorted, ugly, watermark, text, logo"


@pytest.mark.parametrize(
    "industry",
    ["personal_brand", "small_business", "local", "nonprofit", "fitness", "creative", "eco", "startup", "community",
     "pražírna výběrové kávy", "Kavárna U Mlýna", "rodinné truhlářství", "fitness studio", "coffee roastery",
     "family business", "PRAZIRNA", "řemeslná pekárna"],
)  # fmt: skip
def test_pictures_of_people_businesses_look_authentic(industry: str) -> None:
    assert authenticity(industry) == "high"


@pytest.mark.parametrize(
    "industry",
    ["luxury", "finance", "legal", "healthcare", "corporate", "real_estate", "enterprise", "advokátní kancelář",
     "účetní služby", "účetnictví a daně", "realitní kancelář", "Zubní ordinace", "soukromá klinika", "law firm",
     "real estate agency", "investiční poradenství", "ucetnictvi", "rodinná advokátní a daňová kancelář"],
)  # fmt: skip
def test_pictures_of_regulated_businesses_look_polished(industry: str) -> None:
    assert authenticity(industry) == "low"


@pytest.mark.parametrize(
    "industry", ["e-shop s elektronikou", "ekonomické poradenství", "", None, "autoservis"]
)
def test_all_other_businesses_get_the_balanced_wording(industry: str | None) -> None:
    assert authenticity(industry) == "medium"


def test_the_first_text_that_says_something_decides() -> None:
    assert authenticity("obchod", "kavárna", "finance") == "high"
    assert authenticity(None, "", "finance") == "low"


def test_an_image_prompt_has_its_parts_in_order() -> None:
    prompt = image_prompt(BRIEF, PERSONA, "16:9", "kavárna")
    parts = [
        "wide 16:9",
        "soft documentary photography",
        "warm terracotta, cream",
        "calm morning light",
        "natural light, authentic moment, candid, real environment",
        "A roaster lifts a scoop of beans",
        "sharp focus",
    ]
    places = [prompt.prompt.index(part) for part in parts]
    assert places == sorted(places)
    assert (prompt.negative_prompt, prompt.aspect_ratio) == (NEGATIVE, "16:9")


@pytest.mark.parametrize(
    ("industry", "words"),
    [
        ("finance", "professional photography, studio quality, polished composition, editorial"),
        ("obchod", "balanced natural and directed light"),
    ],
)
def test_each_level_has_its_own_wording(industry: str, words: str) -> None:
    assert words in image_prompt(BRIEF, PERSONA, "1:1", industry).prompt


def test_what_a_persona_lacks_leaves_no_gap() -> None:
    bare = Persona(character_name="A", jung_archetype="sage", mbti_type="INTJ")
    prompt = image_prompt(BRIEF, bare, "1:1").prompt
    assert prompt.startswith("square 1:1 composition. balanced natural")
    assert ". ." not in prompt


def test_a_stored_persona_is_taken_as_it_is() -> None:
    assert image_prompt(BRIEF, PERSONA.plain(), "1:1") == image_prompt(BRIEF, PERSONA, "1:1")


def test_a_clip_shows_the_moving_scene_and_falls_back_to_the_still_one() -> None:
    assert "Beans fall slowly" in video_prompt(BRIEF, PERSONA, "9:16").prompt
    still = BRIEF.model_copy(update={"video_scene": ""})
    assert "A roaster lifts" in video_prompt(still, PERSONA, "9:16").prompt


def test_the_schema_asks_for_scene_alternative_text_and_moving_scene() -> None:
    assert visual_schema()["required"] == ["scene", "altText", "videoScene"]
