from __future__ import annotations

import re

import pytest

from sandbox.prose.brief import Brief, language_of
from sandbox.prose.compose import free_text
from sandbox.prose.frames import Slots, fill
from sandbox.prose.strings import Place, Strings
from sandbox.prose.words import table, trades, vocabulary
from sandbox.seeds import fingerprint, normalise, rng

_LISTS = ("heading", "open", "body", "close")
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
    frames = [
        line for theme in table(f"{language}/themes").values() for part in _LISTS for line in theme[part]
    ]
    frames += [line for lines in table(f"{language}/kinds").values() for line in lines]
    for trade in ("general", *trades(language)):
        known = vocabulary(language, trade)
        slots = Slots(known, "téma", "Firma", "v zimě").focus(rng(trade))
        for frame in frames + [fact for name in ("fact", "tip", "question") for fact in known[name]]:
            text = fill(frame, slots, rng(frame))
            assert text
            assert not re.search(r"[{}<>~\[\]]", text), frame


@pytest.mark.parametrize("language", ["cs", "en"])
def test_every_kind_of_field_is_written_from_its_own_words_in_every_language(language: str) -> None:
    strings = Strings(Brief(fingerprint(language), "x", forced_language=language))
    for kind in set(table("fields")["kind"]) - {"content", *table("fields")["outline"]}:
        assert strings.short_values(Place(kind=kind)), kind


@pytest.mark.parametrize("language", ["cs", "en"])
def test_no_list_of_a_trade_hides_a_list_of_all_trades(language: str) -> None:
    for trade in ("general", *trades(language)):
        assert not set(table(f"{language}/kinds")) & set(table(f"{language}/{trade}"))


def test_an_article_ends_with_the_words_that_its_author_always_ends_with() -> None:
    text = article(COMPANIES[0], "Napiš článek, 900 slov.\nPodpis na konci: Tak zase příště u kávy")
    assert text.endswith("\n\nTak zase příště u kávy.")


@pytest.mark.parametrize("key", ["general", *trades("cs")])
def test_every_noun_has_its_six_cases(key: str) -> None:
    for letter in "tpmnzc":
        for line in table(f"cs/{key}")[letter]:
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
    coffee = vocabulary("cs", "coffee")
    slots = Slots(coffee, "", "", "", nouns={"t": coffee["t"][0]})
    assert fill(frame, slots, rng("x")) == text


def test_words_follow_the_gender_of_the_person() -> None:
    words = vocabulary("cs", "general")
    assert fill("<Vyrostl/Vyrostla> tu.", Slots(words, "", "", ""), rng("x")) == "Vyrostl tu."
    assert fill("<Vyrostl/Vyrostla> tu.", Slots(words, "", "", "", female=True), rng("x")) == "Vyrostla tu."


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
