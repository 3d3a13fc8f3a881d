from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.prose import words
from sandbox.prose.brief import Brief, language_of
from sandbox.prose.compose import free_text
from sandbox.prose.frames import Slots, fill
from sandbox.prose.phrases import Phrases, Subject, Wanted
from sandbox.prose.words import general, pairs, trade
from sandbox.prose.writer import Writer
from sandbox.seeds import fingerprint, normalise, rng

WORDS = Path(words.__file__).parent
COMPANIES = [
    "Pražírna Hanácké zrno",
    "Účetní kancelář Jasná bilance",
    "Truhlářství Letokruh",
    "Velkosklad Zázvor",
]


def article(company: str, wanted: str = "Napiš článek, 1900 slov.") -> str:
    prompt = f"Firma: {company}\nHlavní klíčové slovo: osobní přístup\n{wanted}"
    return free_text(Brief(fingerprint(prompt), prompt))


@pytest.mark.parametrize("company", COMPANIES)
def test_an_article_has_about_the_wished_length_headings_and_paragraphs(company: str) -> None:
    text = article(company)
    assert 1600 <= len(text.split()) <= 2200
    assert text.startswith("# ")
    assert text.count("\n## ") >= 5
    assert text.count("\n\n") > 20


@pytest.mark.parametrize("company", COMPANIES)
def test_an_article_names_its_company_and_its_key_phrase(company: str) -> None:
    text = article(company)
    assert company in text
    assert text.lower().count("osobní přístup") >= 4


@pytest.mark.parametrize("company", COMPANIES)
def test_no_mark_of_a_frame_is_left_in_a_text(company: str) -> None:
    assert not re.search(r"[{}<>~|\[\]]", article(company))


def test_the_text_is_about_the_trade_that_the_prompt_names() -> None:
    assert "káv" in article("Pražírna Hanácké zrno")
    assert "doklad" in article("Účetní kancelář Jasná bilance")
    assert "dřev" in article("Truhlářství Letokruh")


@pytest.mark.parametrize("language", ["cs", "en"])
def test_every_frame_can_be_filled_for_every_trade(language: str) -> None:
    names = [path.stem for path in WORDS.glob(f"{language}_*.txt")]
    trades = [trade(name) for name in names if name.split("_")[1] not in ("themes", "kinds")]
    themes = words.themes(language).values()
    frames = [frame for theme in themes for frame in (*theme.heading, *theme.open, *theme.body, *theme.close)]
    frames += [frame for values in words.kinds(language).values() for frame in values]
    for one in trades:
        slots = Slots(language, one, "téma", "Firma", "v zimě").focus(rng(one.key))
        for frame in frames + [fact for name in ("fact", "tip", "question") for fact in one.lists[name]]:
            text = fill(frame, slots, rng(frame))
            assert text
            assert not re.search(r"[{}<>~\[\]]", text), frame


@pytest.mark.parametrize("language", ["cs", "en"])
def test_every_kind_of_field_has_its_words_in_every_language(language: str) -> None:
    phrases = Phrases(Writer(Brief(fingerprint(language), "x", forced_language=language)))
    composed = {"content", "answer", "social", "description", "date"}
    for kind in {kind for kind, _ in pairs("fields", "kind")} - composed:
        wanted = Wanted(kind, None, None, (), Subject("/0"), "/0/x")
        assert all(phrases.candidates(wanted, rng(kind))) and phrases.candidates(wanted, rng(kind)), kind


def test_an_article_ends_with_the_words_that_its_author_always_ends_with() -> None:
    text = article(COMPANIES[0], "Napiš článek, 900 slov.\nPodpis na konci: Tak zase příště u kávy")
    assert text.endswith("\n\nTak zase příště u kávy.")


@pytest.mark.parametrize("key", ["cs_coffee", "cs_accounting", "cs_carpentry", "cs_general"])
def test_every_noun_has_its_six_cases(key: str) -> None:
    for letter in "tpmnzc":
        for line in trade(key).lists[letter]:
            assert len(line.split("|")) == 6, line


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("s~{t7}", "s výběrovou kávou"),
        ("Žijeme v~Vodňanech.", "Žijeme ve Vodňanech."),
        ("s~skladem", "se skladem"),
        ("k~kávě", "ke kávě"),
        ("z~zrna", "ze zrna"),
        ("o~kávě", "o kávě"),
    ],
)
def test_czech_prepositions_are_vocalised(frame: str, text: str) -> None:
    slots = Slots("cs", trade("cs_coffee"), "", "", "", nouns={"t": trade("cs_coffee").lists["t"][0]})
    assert fill(frame, slots, rng("x")) == text


def test_words_follow_the_gender_of_the_person() -> None:
    slots = Slots("cs", general("cs"), "", "", "")
    assert fill("<Vyrostl/Vyrostla> tu.", slots, rng("x")) == "Vyrostl tu."
    assert (
        fill("<Vyrostl/Vyrostla> tu.", Slots("cs", general("cs"), "", "", "", female=True), rng("x"))
        == "Vyrostla tu."
    )


@pytest.mark.parametrize(
    ("prompt", "language"),
    [
        ("Napiš článek o kávě pro naši firmu.", "cs"),
        ("Write an article about coffee for our company.", "en"),
        ("Write an article. Answer in Czech.", "cs"),
        ("Napiš článek o kávě. Language: en", "en"),
        ("Write about the company in the way it is asked for. Firma: Žluťoučký kůň", "en"),
    ],
)
def test_the_language_is_the_one_that_is_asked_for(prompt: str, language: str) -> None:
    assert language_of(prompt) == language


def test_a_changed_prompt_gives_another_text() -> None:
    assert article(COMPANIES[0]) != article(
        COMPANIES[0], "Napiš článek, 1900 slov. Důvod vrácení: příliš obecné."
    )


def test_the_port_of_the_sandbox_does_not_change_what_it_writes() -> None:
    assert normalise("http://127.0.0.1:4001/sites/x") == normalise("http://127.0.0.1:4002/sites/x")
