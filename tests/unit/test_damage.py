"""Damage in a text: seen, mended where that is certain, and never seen where there is none."""

from __future__ import annotations

import time
import unicodedata

import pytest

from domain.content.damage import THOUGHT, damage, mend, restore, restore_encoding, runs_away

PROSE = "Pražíme kávu každé ráno. Vůně se nese celou ulicí a lidé se zastavují. "


@pytest.mark.parametrize(
    "text",
    [
        "Kav\x00árna",
        "Kav\x07rna",
        "Kav\x0brna",
        "kurz\x1b[31m červeně",
        "vůně\x7f",
        "káva \x81",
        "konec\x9d",
        "Kav\ufffdrna",
        "\ufffdepka",
        "obrázek \ufffc zde",
        "hloubka \ufffe",
        "konec\uffff",
        "a\ufdd0b",
        "x\U0010ffffy",
        "\ud83d",
        "dobrá \ude00 káva",
        "a\udcc3b",
        "zdroj\ue200cite\ue202turn0search1\ue201",
        "ikona \uf015 domů",
        "KavĂ",
        "dobrĂˇ\ufffd",
        "pøíliš žlutý kùò se zlíbal",
        "Ðàçðàáîòêà ñàéòà",
        "ÊáëçìÝñá êüóìå",
        "mi³o ciê widzieæ",
        "arvíztûrõ tükörfúró gép á",
        "Kavaˇrna",
        "prˇišel",
    ],
)
def test_characters_that_are_none_and_wrong_charsets_are_damage(text: str) -> None:
    assert mend(text).damage


@pytest.mark.parametrize(
    "whole",
    [
        "Příliš žluťoučký kůň úpěl ďábelské ódy.",
        "Kavárna U Mostu – pražírna",
        "„Dobrý den“",
        "Vôňa čerstvej kávy",
        "Zażółć gęślą jaźń",
        "Grüße aus München",
        "Café à la crème, déjà vu",
        "¿Dónde está el niño?",
        "Árvíztűrő tükörfúrógép",
        "Ação e coração",
        "Čučoriedky",
        "İstanbul'da şeker",
        "Съешь ещё этих булок",
        "Ξεσκεπάζω την ψυχοφθόρα",
        "Ķīmija un šķūnis",
        "日本語のコーヒー",
        "☕ ranní káva",
        "5 €",
    ],
)
@pytest.mark.parametrize("charset", ["cp1252", "latin-1", "cp1250", "iso-8859-2"])
def test_mojibake_is_restored_where_that_is_certain_and_never_passes(whole: str, charset: str) -> None:
    try:
        broken = whole.encode().decode(charset)
    except UnicodeDecodeError:
        pytest.skip("this charset does not have all of the bytes, so that no such text can come about")
    found = mend(broken)
    assert found.damage or (found.value == whole and found.restored)


@pytest.mark.parametrize("charset", ["cp1252", "latin-1", "cp1250"])
def test_czech_mojibake_is_restored(charset: str) -> None:
    text, notes = restore_encoding("Kavárna".encode().decode(charset))
    assert (text, len(notes)) == ("Kavárna", 1)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (r"První věta.\n\nDruhá věta.", "První věta.\n\nDruhá věta."),
        (r"Nabízíme:\n- kávu\n- čaj", "Nabízíme:\n- kávu\n- čaj"),
        (r"Věta.\r\nDalší", "Věta.\nDalší"),
        (r"slovo\nDalší", "slovo\nDalší"),
        (r"Cena:\t120 Kč", "Cena:\t120 Kč"),
        (r"Říká se \"espresso\" všude", 'Říká se "espresso" všude'),
        (r"it\'s", "it's"),
        (r"1\/2", "1/2"),
        (r"K\u00e1va a \u010daj", "Káva a čaj"),
        (r"\ud83d\ude00 k\u00e1va", "😀 káva"),
        (r"\u{1F600}", "😀"),
        (r"\U0001F600", "😀"),
        (r"K\xc3\xa1va", "Káva"),
        ("100&nbsp;Kč", "100\xa0Kč"),
        ("100&nbsp Kč", "100\xa0 Kč"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("&quot;káva&quot;", '"káva"'),
        ("it&#39;s", "it's"),
        ("it&#x27;s", "it's"),
        ("K&aacute;va&hellip;", "Káva…"),
        ("K&amp;aacute;va", "Káva"),
        ("a &lt; b", "a < b"),
        ("příjmy &ndash; výdaje", "příjmy – výdaje"),
    ],
)
def test_escapes_that_stand_written_out_are_restored_and_named(text: str, whole: str) -> None:
    found = mend({"t": text})
    assert found.value == {"t": whole}
    assert found.restored and not found.damage
    assert found.restored[0].startswith("t: ")


@pytest.mark.parametrize(
    "text",
    [
        r"první\ndruhý",
        r"slovo\tslovo",
        r"nedokončený \u00e",
        r"bajty \xe1",
        "Kav%C3%A1rna",
        "p=C5=99=C3=ADli=C5=A1",
        "Kav?rna",
        "p??li?",
        "v?ně kávy",
        "Dobrý den<|im_end|>",
        "<|endoftext|>",
        "</SYS>>[/INST]",
        "<｜end▁of▁sentence｜>",
        "podle zdroje【4†source】",
        "text :contentReference[oaicite:0]",
        "Káva [cite: 1, 2] je.",
        "<end_of_turn>",
    ],
)
def test_what_cannot_be_restored_with_certainty_is_damage(text: str) -> None:
    assert mend(text).damage


@pytest.mark.parametrize(
    "text",
    [
        r"Otevřete C:\new\temp a C:\Users\nina.",
        r"Síťová složka \\server\new\texty",
        r"spusťte ..\nástroje\test",
        r"%APPDATA%\nova",
        "Napište `a\\nb` nebo `&nbsp;`.",
        "```python\nprint('a\\n', \"\\u00e1\")\n```",
        r"Znak „\n“ znamená nový řádek.",
        r'V jazyce C je "\n" konec řádku.',
        "Entita <code>&nbsp;</code> je mezera.",
        r"Vzorec $\nabla \times \theta$ platí.",
        "Nadpis &lt;h1&gt; patří na začátek.",
        "Johnson & Johnson; R&D; AT&T",
        "https://a.cz/?a=1&copy=2",
        "Q&A",
        "https://cs.wikipedia.org/wiki/K%C3%A1va",
        "[Káva](https://a.cz/K%C3%A1va?x=y)",
        "Co? Ano! Proč? proto",
        "Opravdu?!",
        "👩‍👩‍👧‍👦 rodina 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇨🇿 ❤️ 👍🏽",
        "1️⃣ krok",
        "m² a m³, ½ lžičky, 20 °C, ¼ hodiny",
        "Ø 20 mm",
        "Ångström, Ærø, Özil, Ñandú",
        "naïve café",
        "È vero, perché è più giù",
        "Ça va où? Là-bas, dès Noël",
        "Smørrebrød på åben ild, æble",
        "Þýðing á íslensku: þú ert góð",
        "Łódź, żółw, ćma",
        "Việt Nam có cà phê sữa đá",
        "Bună dimineața! Își începe ziua în România cu o cafea.",
        "ÂNGELA e JOÃO, AÇÃO",
        "Ščřžýáíé ěščřžýáíé",
        "हिन्दी में कॉफ़ी",
        "קפה טוב",
        "قهوة عربية",
        "한국어 커피",
        "ไทย กาแฟ",
        "½ × ¾ ≠ 1 → ok",
        "© 2026 ® ™ § ¶",
        "„citace“ ‚vnořená‘ »ital«",
        "Ha ha ha ha ha ha ha",
        "🔥" * 120,
        "-" * 300,
        "| a | b |\n|---|---|\n| 1 | 2 |\n" + "|  |  |\n" * 40,
        "\n\n\n",
        "",
        "Vitamin A",
        "Plán B i plán C",
        "Jak na to",
        "# Nadpis bez tečky",
        "Zavolejte nám: 777 123 456",
        "Těšíme se na vás :(",
        "Tak zase příště :-(",
        "#káva #čaj #dort",
        "**Tip:** pijte vodu",
        "„Bez kávy ani ránu,“ říká Petr",
        "První bod:\n\n1. káva\n2. čaj",
        "5 > 3 a 2 < 4",
        "array[0] a f(x)",
        "Neboj se",
        "O co jde?",
        "Kdo za tím stojí a proč",
        "Šli jsme do lesa",
        "rock'n'roll",
        "it´s ok",
        "C# a C++",
        "50 %",
        "a/b testy",
        "\\(escaped\\)",
        "Kontakt: info@kavarna.cz",
        "Ano/Ne?ne",
    ],
)
def test_sound_texts_are_left_as_they_are(text: str) -> None:
    found = mend(text)
    assert (found.value, found.restored, found.damage) == (unicodedata.normalize("NFC", text), (), ())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>Uživatel chce…</think>Káva.", "Káva."),
        ("<think>a ```json\n{}\n``` b</think>\n\nKáva.", "Káva."),
        ("<THINKING>hm</THINKING> Káva.", "Káva."),
        ("<reasoning>hm\n\nhm</reasoning>\nKáva.", "Káva."),
        ("Uživatel chce kávu.</think>Káva.", "Káva."),
        ("Káva.<thought>dost?</thought>", "Káva."),
        ("Káva.<think>a dál už nic", "Káva."),
        ("◁think▷hm◁/think▷Káva.", "Káva."),
        ("<think>jen myšlenky", ""),
        ("Značka `<think>` v kódu zůstane.", "Značka `<think>` v kódu zůstane."),
    ],
)
def test_thinking_aloud_is_taken_out_and_named(text: str, left: str) -> None:
    found, notes = restore(text)
    assert found == left
    assert notes == ([THOUGHT] if left != text else [])


@pytest.mark.parametrize(
    "text",
    [
        "Pražírna, která",
        "Nabízíme kávu, čaj a nebo",
        "Voní to jako roz-",
        "Zrno,",
        "Kupte si (arabiku",
        "viz [návod](https://a.cz/na",
        "Řekl: „",
        "```python\nprint(1)",
        "Fish & chips &nbs",
        "Otevřeno the",
        "Káva je zdravá, protože",
        PROSE * 8 + "Nakonec se zasta",
    ],
)
def test_a_text_that_ends_in_the_middle_is_cut_off(text: str) -> None:
    assert any("cut off" in one for one in damage(text))


@pytest.mark.parametrize(
    "text",
    [
        "Káva je dobrá. " * 20,
        "ano " * 60,
        "0" * 400,
        "1.23450000" + "0" * 300,
        "Úvod. " + "a b c " * 100 + "konec.",
        PROSE + "čaj, káva, " * 30,
        '{"keywords": ["káva", ' + '"čaj", ' * 200,
        "- bod\n" * 50,
        "https://a.cz/" + "a/" * 200,
    ],
)
def test_what_is_said_over_and_over_is_damage_wherever_it_stands(text: str) -> None:
    assert runs_away(text)
    assert damage(text)


def test_a_sentence_that_only_changes_its_number_is_repetition_over_a_whole_answer() -> None:
    lines = [f"{number}. Káva z naší pražírny je vždy čerstvá." for number in range(30)]
    assert mend({"takeaways": lines}).damage
    assert runs_away("\n".join(lines))
    assert not mend({"takeaways": lines[:3]}).damage


def test_every_text_of_a_value_is_looked_through_and_its_place_is_named() -> None:
    found = mend({"a": [{"b": "Kav\ufffdrna"}, "v pořádku", 5, None], "k\x07": 1})
    assert [one.split(": ")[0] for one in found.damage] == [
        "a.0.b",
        "There is a control character (U+0007) in “k\\u0007”.",
    ]


def test_text_is_composed_and_has_line_feeds_before_it_is_counted() -> None:
    assert mend("Kava\u0301rna\r\nA\u2028B\ud83d\ude00").value == "Kavárna\nA\nB😀"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        PROSE * 2000,
        "<think>" * 20_000,
        "&amp;" * 40_000,
        "\\n" * 80_000,
        "Ã" * 50_000,
        "`" * 50_000,
        "</think" * 9_000,
        "$\\" * 40_000,
    ],
)
def test_looking_through_a_long_text_takes_no_time(text: str) -> None:
    began = time.monotonic()
    mend(text)
    assert time.monotonic() - began < 10
